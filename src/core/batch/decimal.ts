/** Numbers as decimal digits in bytes. */

/** The number of digits of a whole number below a billion. */
export const decimalDigits = (value: number): number =>
  value < 100
    ? value < 10
      ? 1
      : 2
    : value < 1000
      ? 3
      : value < 10_000
        ? 4
        : value < 100_000
          ? 5
          : value < 1_000_000
            ? 6
            : value < 10_000_000
              ? 7
              : value < 100_000_000
                ? 8
                : 9;

/** Writes the last `digits` digits of `value` to `at`. */
export function writeDecimal(out: Uint8Array, at: number, digits: number, value: number): void {
  let rest = value;
  for (let i = at + digits - 1; i >= at; i--) {
    out[i] = 0x30 + (rest % 10);
    rest = (rest / 10) | 0;
  }
}
