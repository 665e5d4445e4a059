/**
 * Times in the form of RFC 5424 §6.2.3: RFC 3339 with capital T and Z, at most six digits of fraction, seconds up to
 * 59. Every stored line has such a time, so that readers need no rules for others.
 */

const zero = 0x30;
const dash = 0x2d;
const plus = 0x2b;
const dot = 0x2e;
const colon = 0x3a;
const capitalZ = 0x5a;
const none = -1;

/** The longest: `2026-01-02T03:04:05.000006+00:00`. */
export const timestampBytesMax = 32;

/** The place after the timestamp at `at`, or -1 if there is none. */
export function timestampEnd(bytes: Uint8Array, at: number, end: number): number {
  if (at + 20 > end || !isDateAndTime(viewOver(bytes), at)) return none;
  let i = at + 19;
  if (bytes[i] === dot) {
    const fraction = ++i;
    while (i < end && isDigit(bytes[i]!)) i++;
    if (i === fraction || i > fraction + 6) return none;
  }
  if (bytes[i] === capitalZ) return i < end ? i + 1 : none;
  if (i + 6 > end || (bytes[i] !== plus && bytes[i] !== dash) || bytes[i + 3] !== colon) return none;
  return twoDigits(bytes, i + 1) <= 23 && twoDigits(bytes, i + 4) <= 59 ? i + 6 : none;
}

/**
 * Turns an RFC 3339 time into an RFC 5424 one: cuts the fraction after six digits, and capitalises `t` and `z`.
 * Undefined for anything else.
 */
export function mendedTimestamp(text: string): string | undefined {
  const mended = text.toUpperCase().replace(/(\.\d{6})\d+(?=[Z+-])/, "$1");
  const bytes = Buffer.from(mended, "latin1");
  return timestampEnd(bytes, 0, bytes.length) === bytes.length ? mended : undefined;
}

/** With six decimals and `+00:00`, as in all lines of the platform. */
export const syslogTime = (timeMs: number): string =>
  new Date(timeMs).toISOString().replace("Z", "000+00:00");

// The buffer that was viewed last, since all lines of a read or a body are in one.
let viewed: Uint8Array = new Uint8Array(0);
let view = new DataView(viewed.buffer);

// A view of all of `bytes`, made once for successive calls.
function viewOver(bytes: Uint8Array): DataView {
  if (bytes !== viewed) {
    viewed = bytes;
    view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
  return view;
}

const highBits = 0x80808080 | 0;

// Checks `2026-01-02T03:04:05` four characters at a time, because this is done for every line. A character may differ
// from `0` by at most 9 where a digit belongs, and not at all from a separator. Any larger difference sets a high
// bit.
function isDateAndTime(view: DataView, at: number): boolean {
  const year = view.getInt32(at, true) ^ 0x30303030;
  const month = view.getInt32(at + 4, true) ^ 0x2d30302d;
  const day = view.getInt32(at + 8, true) ^ 0x30543030;
  const hour = view.getInt32(at + 12, true) ^ 0x30303a30;
  const second = view.getInt32(at + 15, true) ^ 0x30303a30;
  const odd =
    (year + 0x76767676) |
    year |
    ((month + 0x7f76767f) | month) |
    ((day + 0x767f7676) | day) |
    ((hour + 0x76767f76) | hour) |
    ((second + 0x76767f76) | second);
  if ((odd & highBits) !== 0) return false;
  const months = ((month >> 8) & 15) * 10 + ((month >> 16) & 15);
  const days = (day & 15) * 10 + ((day >> 8) & 15);
  const hours = ((day >> 24) & 15) * 10 + (hour & 15);
  if (months < 1 || months > 12 || days < 1 || days > 31 || hours > 23) return false;
  if (((hour >> 16) & 15) > 5 || ((second >> 16) & 15) > 5) return false;
  if (days <= 28) return true;
  const years =
    ((year & 15) * 10 + ((year >> 8) & 15)) * 100 + ((year >> 16) & 15) * 10 + ((year >> 24) & 15);
  return days <= daysIn(years, months);
}

const isDigit = (byte: number): boolean => byte >= zero && byte <= zero + 9;

// Two digits as a number; 100 or more if they are not digits.
function twoDigits(bytes: Uint8Array, at: number): number {
  const tens = bytes[at]! - zero;
  const ones = bytes[at + 1]! - zero;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : 100;
}

const daysIn = (year: number, month: number): number =>
  month === 2
    ? isLeap(year)
      ? 29
      : 28
    : month === 4 || month === 6 || month === 9 || month === 11
      ? 30
      : 31;

const isLeap = (year: number): boolean => year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
