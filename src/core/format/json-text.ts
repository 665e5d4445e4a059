/**
 * Writes fields of lines as JSON strings without making a JavaScript string: text that needs no escape is copied.
 * Everything else (escapes, non-ASCII, which may not even be UTF-8) is left to the engine.
 */
import type { OutBuffer } from "./out-buffer.ts";

const quote = 0x22;
const backslash = 0x5c;
const space = 0x20;

/** Puts [start, end) in quotes. Invalid UTF-8 becomes U+FFFD, since JSON has no bytes. */
export function putJsonText(out: OutBuffer, bytes: Uint8Array, start: number, end: number): void {
  if (!isVerbatim(bytes, start, end)) {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString();
    const escaped = Buffer.from(JSON.stringify(text));
    out.reserve(escaped.length);
    out.put(escaped, 0, escaped.length);
    return;
  }
  out.reserve(end - start + 2);
  out.putByte(quote);
  out.put(bytes, start, end);
  out.putByte(quote);
}

/** Printable ASCII without a quote or a backslash, and DEL, which JSON leaves as it is. */
function isVerbatim(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) {
    const byte = bytes[i]!;
    if (byte < space || byte > 0x7f || byte === quote || byte === backslash) return false;
  }
  return true;
}
