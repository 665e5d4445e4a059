/**
 * Octet-counted RFC 5424 frames (RFC 6587 §3.4.1) that a strict parser accepts: `-` for absent MSGID and structured
 * data, fields within their lengths and characters. Ingest stores hardly anything else, and marks such lines in the
 * line index: their frames are made many at a time (`core/batch/drain-frames.ts`). Any other line is written field by
 * field (`odd-frame.ts`).
 */

import { DrainFrames } from "../../../core/batch/drain-frames.ts";
import type { LineCursor } from "../../../core/batch/line-cursor.ts";
import { cursorOver } from "../../../core/batch/line-index.ts";
import type { Steps } from "../../../core/scheduling/steps.ts";
import type { Slice } from "../../../ports.ts";
import { type Buffers, freshBuffers } from "../buffers.ts";
import type { BodyFormat } from "./body-format.ts";
import { FrameBuffer } from "./frame-buffer.ts";
import { addOddFrame } from "./odd-frame.ts";

/** The header of an HTTPS drain, plus structured data. */
export const rfc5424Format: BodyFormat = {
  contentType: "application/logplex-1",
  write: (slices) => strictFramesInSteps(slices, { hostname: Buffer.from("host"), endsLines: false }),
};

export type FrameOptions = {
  readonly hostname: Uint8Array;
  /** A message that does not end in a newline gets one, which counts in the length. */
  readonly endsLines: boolean;
  /** The source of the memory. Absent: the caller keeps the memory for good. */
  readonly buffers?: Buffers;
};

/** Bytes that a line may gain besides another hostname: nil structured data, a newline, a digit of its length. */
const grownBytesMax = 4;
/** Lines between two looks at the clock. */
const stepLines = 64;

export function strictFrames(slices: readonly Slice[], options: FrameOptions): Buffer {
  const frames = new StrictFrames(slices, options);
  for (const slice of slices) {
    frames.open(slice);
    for (let line = 0; line < slice.count; ) line = frames.add(line);
  }
  return frames.take();
}

function* strictFramesInSteps(slices: readonly Slice[], options: FrameOptions): Steps<Buffer> {
  const frames = new StrictFrames(slices, options);
  for (const slice of slices) {
    frames.open(slice);
    for (let line = 0, stepEnd = stepLines; line < slice.count; ) {
      line = frames.add(line);
      if (line < stepEnd) continue;
      stepEnd = line + stepLines;
      yield;
    }
  }
  return frames.take();
}

class StrictFrames {
  readonly #options: FrameOptions;
  readonly #out: FrameBuffer;
  readonly #usual: DrainFrames;
  /** The slice whose lines are written. */
  #slice!: Slice;
  /** Walks to the lines that are written field by field, and the number of the line after it. */
  #odd: LineCursor | undefined;
  #oddNext = 0;

  /** Makes room for all of `slices`. */
  constructor(slices: readonly Slice[], options: FrameOptions) {
    const { hostname, endsLines, buffers = freshBuffers } = options;
    let bytesMax = 0;
    for (const { bytes, count } of slices)
      bytesMax += bytes.length + count * (hostname.length + grownBytesMax);
    this.#options = options;
    this.#out = new FrameBuffer(bytesMax, buffers);
    this.#usual = new DrainFrames(hostname, endsLines);
  }

  /** The lines that follow belong to `slice`. */
  open(slice: Slice): void {
    this.#slice = slice;
    this.#odd = undefined;
    this.#oddNext = 0;
  }

  take(): Buffer {
    this.#usual.end();
    return this.#out.take();
  }

  /** Adds lines from `line` on; returns the line after them. */
  add(line: number): number {
    const frames = this.#usual.write(this.#slice, line);
    if (frames === undefined) {
      this.#addOdd(line);
      return line + 1;
    }
    this.#out.add(frames);
    return line + this.#usual.linesWritten;
  }

  #addOdd(line: number): void {
    this.#odd ??= cursorOver(this.#slice);
    for (; this.#oddNext <= line; this.#oddNext++) this.#odd.next();
    addOddFrame(this.#out, this.#odd, this.#options.hostname, this.#options.endsLines);
  }
}
