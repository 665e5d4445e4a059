/** Bytes and numbers, written to the memory. */

/** Copies from left to right, and may write up to fifteen bytes too many, where the next part comes; returns the end. */
export function copy(to: u32, from: u32, bytes: u32): u32 {
  for (let i: u32 = 0; i < bytes; i += 16) v128.store(to + i, v128.load(from + i));
  return to + bytes;
}

/** The decimal digits of a number below a million. */
export function digitsOf(value: u32): u32 {
  if (value < 1000) return value < 100 ? (value < 10 ? 1 : 2) : 3;
  return value < 100_000 ? (value < 10_000 ? 4 : 5) : 6;
}

export function writeDecimal(to: u32, digits: u32, value: u32): void {
  let rest = value;
  for (let i = digits; i > 0; i--) {
    const tenth = rest / 10;
    store<u8>(to + i - 1, <u8>(0x30 + (rest - tenth * 10)));
    rest = tenth;
  }
}
