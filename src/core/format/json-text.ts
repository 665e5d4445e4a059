/**
 * Writes fields of lines as JSON strings without making a JavaScript string: text that needs no escape is copied.
 * Everything else (escapes, non-ASCII, which may not even be UTF-8) is left to the engine.
 */
import type { OutBuffer } from "./out-buffer.ts";

const quote = 0x22;
const backslash = 0x5c;
const space = 0x20;

/** Bytes of a text that are written at once. */
const partBytesMax = 16 * 1024;
/** The longest character of UTF-8. */
const characterBytesMax = 4;

/** Puts [start, end) in quotes. Invalid UTF-8 becomes U+FFFD, since JSON has no bytes. */
export function putJsonText(out: OutBuffer, bytes: Uint8Array, start: number, end: number): void {
  out.reserve(1);
  out.putByte(quote);
  putJsonChars(out, bytes, start, end);
  out.reserve(1);
  out.putByte(quote);
}

/** Puts [start, end) without the quotes around it. */
export function putJsonChars(out: OutBuffer, bytes: Uint8Array, start: number, end: number): void {
  if (!isVerbatim(bytes, start, end)) {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString();
    const escaped = Buffer.from(JSON.stringify(text));
    out.reserve(escaped.length);
    out.put(escaped, 1, escaped.length - 1);
    return;
  }
  out.reserve(end - start);
  out.put(bytes, start, end);
}

/**
 * The end of a part of the text [start, end), which may be written without the rest. No character is split: a byte that
 * continues none begins one, and so does what four bytes that continue one precede, since they are no character.
 */
export function partEnd(bytes: Uint8Array, start: number, end: number): number {
  const most = start + partBytesMax;
  if (most >= end) return end;
  for (let to = most; to > most - characterBytesMax; to--) if ((bytes[to]! & 0xc0) !== 0x80) return to;
  return most;
}

/** Printable ASCII without a quote or a backslash, and DEL, which JSON leaves as it is. */
function isVerbatim(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) {
    const byte = bytes[i]!;
    if (byte < space || byte > 0x7f || byte === quote || byte === backslash) return false;
  }
  return true;
}
