/**
 * Octet-counted RFC 5424 frames (RFC 6587 §3.4.1) that hold against a strict parser: `-` for absent MSGID and
 * structured data, fields within their lengths and characters. Ingest stores hardly anything else; what is longer than
 * a field may be is cut, an odd character becomes `?`, a time that is none is nil, and structured data that is none goes
 * in front of the message.
 */
import { LineCursor } from "../../../core/line-cursor.ts";
import { atOnce, type Steps } from "../../../core/steps.ts";
import { structuredDataEnd } from "../../../core/structured-data.ts";
import { timestampEnd } from "../../../core/timestamp.ts";
import type { Slice } from "../../../ports.ts";
import type { BodyFormat } from "./body-format.ts";

/** The header of an HTTPS drain, and structured data besides. */
export const rfc5424Format: BodyFormat = {
  contentType: "application/logplex-1",
  write: (slices) => strictFramesInSteps(slices, { hostname: "host", endsLines: false }),
};

const nil = Buffer.from("-");
const space = 0x20;
const newline = 0x0a;
const processBytesMax = 128;
const msgidBytesMax = 32;
const sourceBytesMax = 48;
/** `LEN <PRI>1 ` and the spaces and nil values between fields. */
const headBytesMax = 40;
/** `endsLines`: a message that does not end in a newline gets one, which is counted. */
export const strictFrames = (slices: readonly Slice[], options: FrameOptions): Buffer =>
  atOnce(strictFramesInSteps(slices, options));

type FrameOptions = { readonly hostname: string; readonly endsLines: boolean };

function* strictFramesInSteps(
  slices: readonly Slice[],
  { hostname, endsLines }: FrameOptions,
): Steps<Buffer> {
  const out = new FrameBuffer(slices, Buffer.from(hostname));
  const line = new LineCursor();
  for (const { bytes, form } of slices) {
    line.open(bytes, form);
    while (line.next()) {
      out.add(line, endsLines);
      yield;
    }
  }
  return out.take();
}

class FrameBuffer {
  readonly #hostname: Buffer;
  #out: Buffer;
  #end = 0;

  constructor(slices: readonly Slice[], hostname: Buffer) {
    this.#hostname = hostname;
    const bytesExpected = slices.reduce(
      (sum, { bytes, count }) => sum + bytes.length + count * (hostname.length + 8),
      headBytesMax,
    );
    this.#out = Buffer.allocUnsafe(bytesExpected);
  }

  add(line: LineCursor, endsLines: boolean): void {
    const { bytes } = line;
    const time = isTime(bytes, line.timeStart, line.timeEnd) ? slice(line, "time") : nil;
    const source = plain(bytes, line.sourceStart, line.sourceEnd, sourceBytesMax);
    const process = plain(bytes, line.processStart, line.processEnd, processBytesMax);
    const msgid = plain(bytes, line.msgidStart, line.msgidEnd, msgidBytesMax);
    const hasData = line.sdEnd - line.sdStart > 1;
    const isStrict = hasData && structuredDataEnd(bytes, line.sdStart, line.sdEnd) === line.sdEnd;
    const data = isStrict ? slice(line, "sd") : nil;
    const messageStart = hasData && !isStrict ? line.sdStart : line.messageStart;
    const needsNewline = endsLines && (line.end === messageStart || bytes[line.end - 1] !== newline);
    const pri = `<${line.pri <= 191 ? line.pri : 8 + (line.pri & 7)}>1 `;
    const headBytes =
      pri.length +
      time.length +
      this.#hostname.length +
      source.length +
      process.length +
      msgid.length +
      data.length +
      6;
    const length = headBytes + (line.end - messageStart) + (needsNewline ? 1 : 0);
    const prefix = `${length} ${pri}`;
    this.#reserve(prefix.length + length);
    this.#end += this.#out.write(prefix, this.#end, "latin1");
    this.#field(time);
    this.#field(this.#hostname);
    this.#field(source);
    this.#field(process);
    this.#field(msgid);
    this.#field(data);
    this.#out.set(bytes.subarray(messageStart, line.end), this.#end);
    this.#end += line.end - messageStart;
    if (needsNewline) this.#out[this.#end++] = newline;
  }

  take(): Buffer {
    return this.#out.subarray(0, this.#end);
  }

  #field(value: Uint8Array): void {
    this.#out.set(value, this.#end);
    this.#end += value.length;
    this.#out[this.#end++] = space;
  }

  #reserve(more: number): void {
    if (this.#end + more <= this.#out.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#end + more, this.#out.length * 2));
    larger.set(this.#out.subarray(0, this.#end));
    this.#out = larger;
  }
}

const slice = (line: LineCursor, field: "time" | "sd"): Uint8Array =>
  line.bytes.subarray(line[`${field}Start`], line[`${field}End`]);

const isTime = (bytes: Uint8Array, start: number, end: number): boolean =>
  timestampEnd(bytes, start, end) === end;

// Printable US-ASCII of at most so many bytes.
function plain(bytes: Uint8Array, start: number, end: number, bytesMax: number): Uint8Array {
  const field = bytes.subarray(start, Math.min(end, start + bytesMax));
  if (field.length === 0) return nil;
  for (let i = 0; i < field.length; i++) {
    if (field[i]! > 0x7e || field[i]! <= space)
      return field.map((byte) => (byte > 0x7e || byte <= space ? 0x3f : byte));
  }
  return field;
}
