/** Times in the form of RFC 5424 §6.2.3: the same as `timestampEnd` of `core/wire/timestamp.ts`. */

const none: u32 = 0;
const highBits: u32 = 0x80808080;

/** The place after the timestamp at `at`, or 0. */
export function timeEndOf(at: u32, end: u32): u32 {
  if (at + 20 > end || !isDateAndTime(at)) return none;
  let i = at + 19;
  if (load<u8>(i) === 0x2e) {
    const fraction = ++i;
    while (i < end && isDigit(load<u8>(i))) i++;
    if (i === fraction || i > fraction + 6) return none;
  }
  const zone = load<u8>(i);
  if (zone === 0x5a) return i < end ? i + 1 : none;
  if (i + 6 > end || (zone !== 0x2b && zone !== 0x2d) || load<u8>(i + 3) !== 0x3a) return none;
  return twoDigits(i + 1) <= 23 && twoDigits(i + 4) <= 59 ? i + 6 : none;
}

// Looks at `2026-01-02T03:04:05` four characters at a time: a digit differs from `0` by at most 9, a separator not at
// all, and what differs by more sets a high bit.
function isDateAndTime(at: u32): bool {
  const year = load<u32>(at) ^ 0x30303030;
  const month = load<u32>(at + 4) ^ 0x2d30302d;
  const day = load<u32>(at + 8) ^ 0x30543030;
  const hour = load<u32>(at + 12) ^ 0x30303a30;
  const second = load<u32>(at + 15) ^ 0x30303a30;
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

function isDigit(byte: u32): bool {
  return byte - 0x30 <= 9;
}

// Two digits as a number; 100 if they are not digits.
function twoDigits(at: u32): u32 {
  const tens: u32 = <u32>load<u8>(at) - 0x30;
  const ones: u32 = <u32>load<u8>(at + 1) - 0x30;
  return tens <= 9 && ones <= 9 ? tens * 10 + ones : 100;
}

function daysIn(year: u32, month: u32): u32 {
  if (month === 2) return isLeap(year) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

function isLeap(year: u32): bool {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}
