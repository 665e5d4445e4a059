/**
 * Octet-counted RFC 5424 frames (RFC 6587 §3.4.1) that hold against a strict parser: `-` for absent MSGID and
 * structured data, fields within their lengths and characters. Ingest stores hardly anything else, and says so in the
 * line index: such a line is copied in three parts from known places. Any other is written field by field
 * (`odd-frame.ts`).
 */
import type { LineCursor } from "../../../core/line-cursor.ts";
import { cursorOver } from "../../../core/line-index.ts";
import { hostBytes } from "../../../core/line-places.ts";
import { atOnce, type Steps } from "../../../core/steps.ts";
import type { Slice } from "../../../ports.ts";
import { type Buffers, freshBuffers } from "../buffers.ts";
import type { BodyFormat } from "./body-format.ts";
import { FrameBuffer } from "./frame-buffer.ts";
import { addOddFrame } from "./odd-frame.ts";

/** The header of an HTTPS drain, and structured data besides. */
export const rfc5424Format: BodyFormat = {
  contentType: "application/logplex-1",
  write: (slices) => strictFramesInSteps(slices, { hostname: Buffer.from("host"), endsLines: false }),
};

export type FrameOptions = {
  readonly hostname: Uint8Array;
  /** A message that does not end in a newline gets one, which is counted. */
  readonly endsLines: boolean;
  /** The source of the memory. Absent: it is the caller's for good. */
  readonly buffers?: Buffers;
};

const newline = 0x0a;
/** Bytes that a line may get besides another hostname: nil structured data, a newline, a digit of its length. */
const grownBytesMax = 4;
/** Lines between two looks at the clock. */
const stepLines = 64;

export const strictFrames = (slices: readonly Slice[], options: FrameOptions): Buffer =>
  atOnce(strictFramesInSteps(slices, options));

function* strictFramesInSteps(
  slices: readonly Slice[],
  { hostname, endsLines, buffers = freshBuffers }: FrameOptions,
): Steps<Buffer> {
  let bytesMax = 0;
  for (const { bytes, count } of slices) bytesMax += bytes.length + count * (hostname.length + grownBytesMax);
  const out = new FrameBuffer(bytesMax, buffers);
  for (const slice of slices) {
    const line = cursorOver(slice);
    for (let step = 1; line.next(); step++) {
      if (line.isStrict) addFrame(out, line, hostname, endsLines);
      else addOddFrame(out, line, hostname, endsLines);
      if (step % stepLines === 0) yield;
    }
  }
  return out.take();
}

const nilData = Buffer.from("- ");

// `<PRI>1 TIME `, the hostname, ` SOURCE PROCID MSGID `, structured data, and the message.
function addFrame(out: FrameBuffer, line: LineCursor, hostname: Uint8Array, endsLines: boolean): void {
  const { bytes, headStart, timeEnd, messageStart, end } = line;
  const isWide = line.form === "rfc5424";
  const fieldsStart = timeEnd + hostBytes - 1;
  const needsNewline = endsLines && (end === messageStart || bytes[end - 1] !== newline);
  const length =
    timeEnd +
    1 -
    headStart +
    hostname.length +
    (isWide ? 0 : nilData.length) +
    (end - fieldsStart) +
    (needsNewline ? 1 : 0);
  out.begin(length);
  out.copy(bytes, headStart, timeEnd + 1);
  out.copy(hostname, 0, hostname.length);
  out.copy(bytes, fieldsStart, messageStart);
  if (!isWide) out.copy(nilData, 0, nilData.length);
  out.copy(bytes, messageStart, end);
  if (needsNewline) out.byte(newline);
}
