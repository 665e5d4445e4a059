/** Reading stored lines: canonical frames back to back, as ingest wrote them. */
import type { CanonicalLines, Form } from "./batch.ts";
import { fieldEnd, scanPri } from "./syslog.ts";

/** `count` canonical frames of one form. */
type Frames = { readonly bytes: Uint8Array; readonly count: number; readonly form: Form };

const space = 0x20;
const hostAndSpaceBytes = 5;

/** Walks canonical frames; the fields are byte ranges of `bytes`. Allocates nothing for a line; use it again. */
export class LineCursor {
  bytes: Uint8Array = new Uint8Array(0);
  form: Form = "logplex";
  /** The whole frame, its length prefix included. */
  start = 0;
  end = 0;
  /** At `<PRI>`. */
  headStart = 0;
  pri = 0;
  timeStart = 0;
  timeEnd = 0;
  sourceStart = 0;
  sourceEnd = 0;
  processStart = 0;
  processEnd = 0;
  msgidStart = 0;
  msgidEnd = 0;
  /** Empty range in the form `logplex`. */
  sdStart = 0;
  sdEnd = 0;
  messageStart = 0;
  /** The message ends where the frame does. */
  get messageEnd(): number {
    return this.end;
  }

  /** Starts before the first frame of `bytes`. */
  open(bytes: Uint8Array, form: Form): this {
    this.bytes = bytes;
    this.form = form;
    this.start = 0;
    this.end = 0;
    return this;
  }

  /** Goes to the next frame; false at the end. Throws when the bytes are not canonical: the store is damaged. */
  next(): boolean {
    const { bytes } = this;
    if (this.end >= bytes.length) return false;
    this.start = this.end;
    let length = 0;
    let at = this.start;
    for (; bytes[at] !== space; at++) length = length * 10 + digitAt(bytes, at);
    this.headStart = at + 1;
    this.end = at + 1 + length;
    if (!(this.end <= bytes.length)) throw damaged();
    this.timeStart = scanPri(bytes, this.headStart, this.end, this) + 2;
    this.timeEnd = fieldEnd(bytes, this.timeStart, this.end);
    this.sourceStart = this.timeEnd + 1 + hostAndSpaceBytes;
    this.sourceEnd = fieldEnd(bytes, this.sourceStart, this.end);
    this.processStart = this.sourceEnd + 1;
    this.processEnd = fieldEnd(bytes, this.processStart, this.end);
    this.msgidStart = this.processEnd + 1;
    this.msgidEnd = fieldEnd(bytes, this.msgidStart, this.end);
    if (this.msgidEnd === -1 || this.processEnd === -1 || this.sourceEnd === -1) throw damaged();
    this.sdStart = this.sdEnd = this.messageStart = this.msgidEnd + 1;
    if (this.form === "rfc5424") this.#passStructuredData();
    return true;
  }

  #passStructuredData(): void {
    const { bytes, sdStart, end } = this;
    this.sdEnd = bytes[sdStart] === 0x2d ? sdStart + 1 : bracketsEnd(bytes, sdStart, end);
    if (this.sdEnd === -1) throw damaged();
    this.messageStart = this.sdEnd + 1;
  }
}

/**
 * The place behind the elements in brackets at `at`, or -1. Ingest decided what is structured data by the rules of its
 * time; that is not judged again, so all readers find the same end.
 */
function bracketsEnd(bytes: Uint8Array, at: number, end: number): number {
  let i = at;
  while (i < end && bytes[i] === 0x5b) {
    for (i++; i < end && bytes[i] !== 0x5d; i++) if (bytes[i] === 0x5c) i++;
    if (i >= end) return -1;
    i++;
  }
  return i > at && (i === end || bytes[i] === space) ? i : -1;
}

/** The frames from number `skip` on, `take` of them at most, as a view. Only their length prefixes are read. */
export function framesFrom(bytes: Uint8Array, skip: number, take = Number.POSITIVE_INFINITY): Uint8Array {
  const start = frameOffset(bytes, 0, skip);
  return bytes.subarray(
    start,
    take === Number.POSITIVE_INFINITY ? bytes.length : frameOffset(bytes, start, take),
  );
}

/** The first frames as a view: at most `bytesMax` bytes, or one longer frame. */
export function framesWithin(bytes: Uint8Array, bytesMax: number): Uint8Array {
  if (bytes.length <= bytesMax) return bytes;
  let end = frameOffset(bytes, 0, 1);
  for (let next = end; next <= bytesMax; next = frameOffset(bytes, end, 1)) end = next;
  return bytes.subarray(0, end);
}

/** The lines in parts of at most `bytesMax`, as views; a longer line is a part of its own. The same object when it needs no cut. */
export function splitLines(lines: CanonicalLines, bytesMax: number): CanonicalLines[] {
  if (lines.bytes.length <= bytesMax) return [lines];
  const parts: CanonicalLines[] = [];
  let partStart = 0;
  let count = 0;
  const cut = (end: number) => {
    // Equal lines are cut equally, so that each part of a repeated request is known again.
    const dedupId = lines.dedupId !== undefined && { dedupId: `${lines.dedupId}.${parts.length}` };
    parts.push({ bytes: lines.bytes.subarray(partStart, end), count, form: lines.form, ...dedupId });
    partStart = end;
    count = 0;
  };
  for (let at = 0; at < lines.bytes.length; count++) {
    const next = frameOffset(lines.bytes, at, 1);
    if (next - partStart > bytesMax && count > 0) cut(at);
    at = next;
  }
  cut(lines.bytes.length);
  return parts;
}

function frameOffset(bytes: Uint8Array, from: number, frames: number): number {
  let at = from;
  for (let passed = 0; passed < frames && at < bytes.length; passed++) {
    let length = 0;
    for (; bytes[at] !== space; at++) length = length * 10 + digitAt(bytes, at);
    at += 1 + length;
  }
  return at;
}

/** The same lines without MSGID and structured data: the body of an HTTPS drain. The same object where it is so already. */
export function toLogplex<F extends Frames>(frames: F): F {
  if (frames.form === "logplex") return frames;
  const out = new FrameWriter(frames.bytes.length);
  const line = new LineCursor().open(frames.bytes, frames.form);
  while (line.next()) out.frame(line, line.msgidStart, "- ", line.messageStart);
  return { ...frames, bytes: out.take(), form: "logplex" };
}

/** The same lines with MSGID and structured data, nil where they have none. The same object where it is so already. */
export function toRfc5424<F extends Frames>(frames: F): F {
  if (frames.form === "rfc5424") return frames;
  const out = new FrameWriter(frames.bytes.length + 4 * frames.count);
  const line = new LineCursor().open(frames.bytes, frames.form);
  while (line.next()) out.frame(line, line.msgidStart, "- - ", line.messageStart);
  return { ...frames, bytes: out.take(), form: "rfc5424" };
}

// Writes frames of two ranges of a line and a text between them.
class FrameWriter {
  #out: Buffer;
  #end = 0;

  constructor(bytesExpected: number) {
    this.#out = Buffer.allocUnsafe(bytesExpected);
  }

  frame(line: LineCursor, headEnd: number, between: string, messageStart: number): void {
    const { headStart } = line;
    const length = headEnd - headStart + between.length + line.end - messageStart;
    const prefix = `${length} `;
    this.#reserve(prefix.length + length);
    this.#end += this.#out.write(prefix, this.#end, "latin1");
    this.#copy(line.bytes, headStart, headEnd);
    this.#end += this.#out.write(between, this.#end, "latin1");
    this.#copy(line.bytes, messageStart, line.end);
  }

  take(): Buffer {
    return this.#out.subarray(0, this.#end);
  }

  #copy(bytes: Uint8Array, start: number, end: number): void {
    this.#out.set(bytes.subarray(start, end), this.#end);
    this.#end += end - start;
  }

  #reserve(more: number): void {
    if (this.#end + more <= this.#out.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#end + more, this.#out.length * 2));
    larger.set(this.#out.subarray(0, this.#end));
    this.#out = larger;
  }
}

// A length prefix ends at a space, or here: damaged bytes end no other way.
function digitAt(bytes: Uint8Array, at: number): number {
  const digit = bytes[at]! - 0x30;
  if (!(digit >= 0 && digit <= 9)) throw damaged();
  return digit;
}

const damaged = () => new Error("stored lines are damaged: not canonical frames");
