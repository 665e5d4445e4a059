/** The result of one look at a buffer. A frame is the half-open byte range [start, end). */
export type Scan =
  | { readonly kind: "frame"; readonly start: number; readonly end: number }
  | { readonly kind: "more"; readonly bytesMissing: number }
  | { readonly kind: "bad"; readonly reason: "length_not_decimal" | "frame_too_long" };

const space = 0x20;
const zero = 0x30;
const newline = 0x0a;
const carriageReturn = 0x0d;

/** Octet counting, RFC 6587 §3.4.1: `MSG-LEN SP SYSLOG-MSG`, no leading zero. Copies nothing, keeps no state. */
export function scanFrame(bytes: Uint8Array, offset: number, frameBytesMax: number): Scan {
  let length = 0;
  let at = offset;
  for (; at < bytes.length && bytes[at] !== space; at++) {
    const digit = bytes[at]! - zero;
    const leadingZero = at === offset && digit === 0;
    if (digit < 0 || digit > 9 || leadingZero) return { kind: "bad", reason: "length_not_decimal" };
    length = length * 10 + digit;
    if (length > frameBytesMax) return { kind: "bad", reason: "frame_too_long" }; // bounds the loop too
  }
  if (at === bytes.length) return { kind: "more", bytesMissing: 1 };
  if (at === offset) return { kind: "bad", reason: "length_not_decimal" };
  const start = at + 1;
  const end = start + length;
  return end <= bytes.length
    ? { kind: "frame", start, end }
    : { kind: "more", bytesMissing: end - bytes.length };
}

/** Newline framing, RFC 6587 §3.4.2: up to `\n` or `\r\n`, which is not part of the frame but of `next`. */
export function scanNewlineFrame(
  bytes: Uint8Array,
  offset: number,
): { readonly end: number; readonly next: number } | undefined {
  const at = bytes.indexOf(newline, offset);
  if (at === -1) return undefined;
  return { end: at > offset && bytes[at - 1] === carriageReturn ? at - 1 : at, next: at + 1 };
}
