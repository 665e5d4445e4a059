/** Reads parts of stored lines, and writes them in other forms. */
import type { CanonicalLines } from "./batch.ts";
import { digitAt, type LineCursor } from "./line-cursor.ts";
import { cursorOver, type IndexedFrames } from "./line-index.ts";

const space = 0x20;

/** The frames from number `skip` on, at most `take` of them, as a view. Only their length prefixes are read. */
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

/**
 * The lines in parts of at most `bytesMax` bytes, as views; a longer line is a part of its own. The same object if it
 * needs no cut. Only length prefixes are read: a millisecond for the most lines that a body can have.
 */
export function splitLines(lines: CanonicalLines, bytesMax: number): CanonicalLines[] {
  const { bytes, form, dedupId } = lines;
  if (bytes.length <= bytesMax) return [lines];
  const parts: CanonicalLines[] = [];
  for (let start = 0; start < bytes.length; ) {
    let end = frameOffset(bytes, start, 1);
    let count = 1;
    while (end < bytes.length) {
      const next = frameOffset(bytes, end, 1);
      if (next - start > bytesMax) break;
      end = next;
      count++;
    }
    parts.push({ bytes: bytes.subarray(start, end), count, form });
    start = end;
  }
  return dedupId === undefined ? parts : partsWithId(parts, dedupId);
}

/**
 * The parts of lines that have this dedup id together. A part is recognised as a repeat only if it has the same lines:
 * those of a token that was renamed since, say, are cut elsewhere.
 */
export function partsWithId(parts: readonly CanonicalLines[], dedupId: string): CanonicalLines[] {
  if (parts.length === 1) return [{ ...parts[0]!, dedupId }];
  let before = 0;
  return parts.map((part) => {
    const named = { ...part, dedupId: `${dedupId}.${before}+${part.count}` };
    before += part.count;
    return named;
  });
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

/**
 * The same lines without MSGID and structured data: the body of an HTTPS drain. The same object if they have none
 * already.
 */
export function toLogplex<F extends IndexedFrames>(frames: F): F {
  if (frames.form === "logplex") return frames;
  const out = new FrameWriter(frames.bytes.length);
  const line = cursorOver(frames);
  while (line.next()) out.frame(line, line.msgidStart, "- ", line.messageStart);
  return { ...frames, bytes: out.take(), form: "logplex" };
}

/**
 * The same lines with MSGID and structured data, nil if they have none. The same object if it has this form already.
 */
export function toRfc5424<F extends IndexedFrames>(frames: F): F {
  if (frames.form === "rfc5424") return frames;
  const out = new FrameWriter(frames.bytes.length + 4 * frames.count);
  const line = cursorOver(frames);
  while (line.next()) out.frame(line, line.msgidStart, "- - ", line.messageStart);
  return { ...frames, bytes: out.take(), form: "rfc5424" };
}

// Writes frames from two ranges of a line and a text between them.
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
