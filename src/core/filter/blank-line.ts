/** Lines without visible text, which some receivers refuse. */
import type { LineCursor } from "../batch/line-cursor.ts";

/** True if the message is empty or only white space (including Unicode's). */
export function isBlank({ bytes, messageStart, messageEnd }: LineCursor): boolean {
  for (let at = messageStart; at < messageEnd; at++) {
    const byte = bytes[at]!;
    if (byte >= 0x80) return textOf(bytes, at, messageEnd).trim() === "";
    if (byte !== 0x20 && !(byte >= 0x09 && byte <= 0x0d)) return false;
  }
  return true;
}

const textOf = (bytes: Uint8Array, start: number, end: number): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString();
