/** The result of one scan. A frame is the half-open byte range [start, end). */
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
    if (length > frameBytesMax) return { kind: "bad", reason: "frame_too_long" }; // also bounds the loop
  }
  if (at === bytes.length) return { kind: "more", bytesMissing: 1 };
  if (at === offset) return { kind: "bad", reason: "length_not_decimal" };
  const start = at + 1;
  const end = start + length;
  return end <= bytes.length
    ? { kind: "frame", start, end }
    : { kind: "more", bytesMissing: end - bytes.length };
}

/** How a frame is separated from the next; `unknown`: these bytes are too few to tell. */
type Framing = "octet" | "newline" | "unknown";

/**
 * RFC 6587 §3.4: a frame that begins with a digit is counted, any other ends with a newline. A line without a PRI may
 * also begin with a number: if earlier frames ended with newlines (`afterNewline`), or the number is not a possible
 * length, the frame is counted only if a `<` follows the space. Reads no further than that.
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

/** Bytes between frames: newlines, and the NUL with which some senders end a frame. */
export const isFrameEnd = (byte: number | undefined): boolean =>
  byte === newline || byte === 0 || byte === carriageReturn;

/** The next newline or NUL (RFC 6587 §3.4.2) from `offset` on, or -1. */
export function frameEndFrom(bytes: Uint8Array, offset: number): number {
  const line = bytes.indexOf(newline, offset);
  const nul = bytes.subarray(offset, line === -1 ? bytes.length : line).indexOf(0);
  return nul === -1 ? line : offset + nul;
}

/** The end of the text of a frame whose newline is at `end`: `\r\n` counts as one ending. */
export const withoutReturn = (bytes: Uint8Array, start: number, end: number): number =>
  end > start && bytes[end - 1] === carriageReturn ? end - 1 : end;
