/**
 * Times as RFC 5424 §6.2.3 has them: RFC 3339 with capital T and Z, at most six digits of fraction, seconds up to 59.
 * Every stored line has such a time, so that no reader needs rules for others.
 */

const zero = 0x30;
const dash = 0x2d;
const plus = 0x2b;
const dot = 0x2e;
const colon = 0x3a;
const capitalT = 0x54;
const capitalZ = 0x5a;
const none = -1;
/** Bytes of `2026-01-02T03:04:05`. */
const secondEnd = 19;

/** Bytes of the longest: `2026-01-02T03:04:05.000006+00:00`. */
export const timestampBytesMax = 32;

/** The place behind the timestamp at `at`, or -1 when none is there. */
export function timestampEnd(bytes: Uint8Array, at: number, end: number): number {
  if (at + 20 > end || !isDateAndTime(bytes, at)) return none;
  let i = at + secondEnd;
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
 * Makes a timestamp of RFC 5424 of an RFC 3339 time that is none yet: cuts the fraction behind its sixth digit, and
 * makes `t` and `z` capital. Undefined for everything else.
 */
export function mendedTimestamp(text: string): string | undefined {
  const mended = text.toUpperCase().replace(/(\.\d{6})\d+(?=[Z+-])/, "$1");
  const bytes = Buffer.from(mended, "latin1");
  return timestampEnd(bytes, 0, bytes.length) === bytes.length ? mended : undefined;
}

/** With six decimals and `+00:00`, as every line of the platform has it. */
export const syslogTime = (timeMs: number): string =>
  new Date(timeMs).toISOString().replace("Z", "000+00:00");

// Has no branch for each digit: this is done for every line.
function isDateAndTime(bytes: Uint8Array, at: number): boolean {
  const year10 = bytes[at + 2]! - zero;
  const year1 = bytes[at + 3]! - zero;
  const month10 = bytes[at + 5]! - zero;
  const month1 = bytes[at + 6]! - zero;
  const day10 = bytes[at + 8]! - zero;
  const day1 = bytes[at + 9]! - zero;
  const hour10 = bytes[at + 11]! - zero;
  const hour1 = bytes[at + 12]! - zero;
  const minute10 = bytes[at + 14]! - zero;
  const minute1 = bytes[at + 15]! - zero;
  const second10 = bytes[at + 17]! - zero;
  const second1 = bytes[at + 18]! - zero;
  const century10 = bytes[at]! - zero;
  const century1 = bytes[at + 1]! - zero;
  // Negative when one of the digits is out of its range.
  const digits =
    year10 |
    (9 - year10) |
    year1 |
    (9 - year1) |
    month10 |
    (1 - month10) |
    month1 |
    (9 - month1) |
    day10 |
    (3 - day10) |
    day1 |
    (9 - day1) |
    hour10 |
    (2 - hour10) |
    hour1 |
    (9 - hour1) |
    minute10 |
    (5 - minute10) |
    minute1 |
    (9 - minute1) |
    second10 |
    (5 - second10) |
    second1 |
    (9 - second1) |
    century10 |
    (9 - century10) |
    century1 |
    (9 - century1);
  const marks =
    (bytes[at + 4]! ^ dash) |
    (bytes[at + 7]! ^ dash) |
    (bytes[at + 10]! ^ capitalT) |
    (bytes[at + 13]! ^ colon) |
    (bytes[at + 16]! ^ colon);
  const month = month10 * 10 + month1;
  const day = day10 * 10 + day1;
  const isPossible = month >= 1 && month <= 12 && day >= 1 && hour10 * 10 + hour1 <= 23;
  if (digits < 0 || marks !== 0 || !isPossible) return false;
  return day <= 28 || day <= daysIn(century10 * 1000 + century1 * 100 + year10 * 10 + year1, month);
}

const isDigit = (byte: number): boolean => byte >= zero && byte <= zero + 9;

// Two digits as a number; 100 or more when they are none.
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
