/** The result of one look at a buffer. A frame is the half-open byte range [start, end). */
type Scan =
  | { readonly kind: "frame"; readonly start: number; readonly end: number }
  | { readonly kind: "more"; readonly bytesMissing: number }
  | { readonly kind: "bad"; readonly reason: "length_not_decimal" | "frame_too_long" };

const space = 0x20;
const zero = 0x30;
const newline = 0x0a;
const carriageReturn = 0x0d;
const opening = 0x3c;
/** No length has more digits; a line may begin with a longer number. */
const lengthDigitsMax = 10;

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

/** How the frame that begins at a place is told from the next; `unknown`: so many bytes do not say it yet. */
type Framing = "octet" | "newline" | "unknown";

/**
 * RFC 6587 §3.4: a frame that begins with a digit is counted, any other ends with a newline. A line without a PRI may begin
 * with a number, too: where frames before it ended with newlines (`afterNewline`), or the number is no length that may
 * be, only a `<` behind the space makes it one. Read no further than that.
 */
export function framingAt(
  bytes: Uint8Array,
  offset: number,
  frameBytesMax: number,
  afterNewline: boolean,
): Framing {
  let length = 0;
  let at = offset;
  for (; at < bytes.length && bytes[at] !== space; at++) {
    const digit = bytes[at]! - zero;
    const isDigit = digit >= 0 && digit <= 9 && !(at === offset && digit === 0);
    if (!isDigit || at - offset === lengthDigitsMax) return "newline";
    length = length * 10 + digit;
  }
  if (at === offset && at < bytes.length) return "newline";
  if (at + 1 >= bytes.length) return "unknown";
  if (!afterNewline && length <= frameBytesMax) return "octet";
  return bytes[at + 1] === opening ? "octet" : "newline";
}

/** Bytes between frames that are none: newlines, and the NUL that some senders end a frame with. */
export const isFrameEnd = (byte: number | undefined): boolean =>
  byte === newline || byte === 0 || byte === carriageReturn;

/** The newline or NUL (RFC 6587 §3.4.2) at or behind `offset`, or -1. */
export function frameEndFrom(bytes: Uint8Array, offset: number): number {
  const line = bytes.indexOf(newline, offset);
  const nul = bytes.subarray(offset, line === -1 ? bytes.length : line).indexOf(0);
  return nul === -1 ? line : offset + nul;
}

/** The end of the text of a frame that ends with a newline at `end`: `\r\n` is one ending. */
export const withoutReturn = (bytes: Uint8Array, start: number, end: number): number =>
  end > start && bytes[end - 1] === carriageReturn ? end - 1 : end;
