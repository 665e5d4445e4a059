/**
 * Makes an RFC 5424 frame from a stored line that a strict parser would refuse: fields that are too long are cut,
 * invalid characters become `?`, an invalid time becomes nil, and invalid structured data goes in front of the message.
 */
import type { LineCursor } from "../../../core/batch/line-cursor.ts";
import { isPlain, msgidBytesMax, processBytesMax, sourceBytesMax } from "../../../core/batch/line-index.ts";
import { structuredDataEnd } from "../../../core/wire/structured-data.ts";
import { timestampEnd } from "../../../core/wire/timestamp.ts";
import type { FrameBuffer } from "./frame-buffer.ts";

const nil = Buffer.from("-");
const space = 0x20;
const newline = 0x0a;

/** Writes any line; a strict one is unchanged. `endsLines`: a message that does not end in a newline gets one. */
export function addOddFrame(
  out: FrameBuffer,
  line: LineCursor,
  hostname: Uint8Array,
  endsLines: boolean,
): void {
  const { bytes, end } = line;
  const isTime = timestampEnd(bytes, line.timeStart, line.timeEnd) === line.timeEnd;
  const hasData = line.sdEnd - line.sdStart > 1;
  const isStrict = hasData && structuredDataEnd(bytes, line.sdStart, line.sdEnd) === line.sdEnd;
  const messageStart = hasData && !isStrict ? line.sdStart : line.messageStart;
  const needsNewline = endsLines && (end === messageStart || bytes[end - 1] !== newline);
  const fields = [
    Buffer.from(`<${line.pri <= 191 ? line.pri : 8 + (line.pri & 7)}>1`, "latin1"),
    isTime ? bytes.subarray(line.timeStart, line.timeEnd) : nil,
    hostname,
    plain(bytes, line.sourceStart, line.sourceEnd, sourceBytesMax),
    plain(bytes, line.processStart, line.processEnd, processBytesMax),
    plain(bytes, line.msgidStart, line.msgidEnd, msgidBytesMax),
    isStrict ? bytes.subarray(line.sdStart, line.sdEnd) : nil,
  ];
  let length = end - messageStart + (needsNewline ? 1 : 0);
  for (const field of fields) length += field.length + 1;
  out.begin(length);
  for (const field of fields) {
    out.copy(field, 0, field.length);
    out.byte(space);
  }
  out.copy(bytes, messageStart, end);
  if (needsNewline) out.byte(newline);
}

// Printable US-ASCII of at most `bytesMax` bytes.
function plain(bytes: Uint8Array, start: number, end: number, bytesMax: number): Uint8Array {
  const field = bytes.subarray(start, Math.min(end, start + bytesMax));
  if (field.length === 0) return nil;
  if (isPlain(field, 0, field.length, bytesMax)) return field;
  return field.map((byte) => (byte > 0x7e || byte <= space ? 0x3f : byte));
}
