/**
 * Octet-counted RFC 5424 frames (RFC 6587 §3.4.1) that a strict parser accepts: `-` for absent MSGID and structured
 * data, fields within their lengths and characters. Ingest stores hardly anything else, and marks such lines in the
 * line index: they are copied in three parts from known places. Any other line is written field by field
 * (`odd-frame.ts`).
 */
import { viewOf } from "../../../core/batch/copy-words.ts";
import type { LineCursor } from "../../../core/batch/line-cursor.ts";
import { cursorOver, indexOf } from "../../../core/batch/line-index.ts";
import { hostBytes, place, placeShift, strictBit } from "../../../core/batch/line-places.ts";
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

const newline = 0x0a;
const dash = 0x2d;
const space = 0x20;
/** The length of `- `, which is nil structured data. */
const nilBytes = 2;
/** Bytes that a line may gain besides another hostname: nil structured data, a newline, a digit of its length. */
const grownBytesMax = 4;
/** Lines between two looks at the clock. */
const stepLines = 64;

export function strictFrames(slices: readonly Slice[], options: FrameOptions): Buffer {
  const frames = new StrictFrames(slices, options);
  for (const slice of slices) {
    frames.open(slice);
    for (let line = 0; line < slice.count; line++) frames.add(line);
  }
  return frames.take();
}

function* strictFramesInSteps(slices: readonly Slice[], options: FrameOptions): Steps<Buffer> {
  const frames = new StrictFrames(slices, options);
  for (const slice of slices) {
    frames.open(slice);
    for (let line = 0; line < slice.count; line++) {
      frames.add(line);
      if ((line + 1) % stepLines === 0) yield;
    }
  }
  return frames.take();
}

class StrictFrames {
  readonly #options: FrameOptions;
  readonly #out: FrameBuffer;
  readonly #host: DataView;
  /** The slice whose lines are written, and the places of its parts. */
  #slice!: Slice;
  #view!: DataView;
  #places!: Uint32Array;
  /** Walks to the lines that cannot be copied, and the number of the line after it. */
  #odd: LineCursor | undefined;
  #oddNext = 0;

  /** Makes room for all of `slices`. */
  constructor(slices: readonly Slice[], options: FrameOptions) {
    const { hostname, buffers = freshBuffers } = options;
    let bytesMax = 0;
    for (const { bytes, count } of slices)
      bytesMax += bytes.length + count * (hostname.length + grownBytesMax);
    this.#options = options;
    this.#out = new FrameBuffer(bytesMax, buffers);
    this.#host = viewOf(hostname);
  }

  /** The lines that follow belong to `slice`. */
  open(slice: Slice): void {
    this.#slice = slice;
    this.#view = viewOf(slice.bytes);
    this.#places = indexOf(slice).places;
    this.#odd = undefined;
    this.#oddNext = 0;
  }

  take(): Buffer {
    return this.#out.take();
  }

  /** `<PRI>1 TIME `, the hostname, ` SOURCE PROCID MSGID `, structured data, and the message. */
  add(line: number): void {
    const places = this.#places;
    const at = line << placeShift;
    if ((places[at + place.pri]! & strictBit) === 0) {
      this.#addOdd(line);
      return;
    }
    const { bytes, form } = this.#slice;
    const out = this.#out;
    const view = this.#view;
    const { hostname, endsLines } = this.#options;
    const head = places[at + place.head]!;
    const timeEnd = places[at + place.timeEnd]!;
    const message = places[at + place.message]!;
    const end = places[at + place.end]!;
    const isNil = form !== "rfc5424";
    const fields = timeEnd + hostBytes - 1;
    const needsNewline = endsLines && (end === message || bytes[end - 1] !== newline);
    const copied = timeEnd + 1 - head + hostname.length + (end - fields);
    out.begin(copied + (isNil ? nilBytes : 0) + (needsNewline ? 1 : 0));
    out.copyViewed(bytes, view, head, timeEnd + 1);
    out.copyViewed(hostname, this.#host, 0, hostname.length);
    out.copyViewed(bytes, view, fields, message);
    if (isNil) {
      out.byte(dash);
      out.byte(space);
    }
    out.copyViewed(bytes, view, message, end);
    if (needsNewline) out.byte(newline);
  }

  #addOdd(line: number): void {
    this.#odd ??= cursorOver(this.#slice);
    for (; this.#oddNext <= line; this.#oddNext++) this.#odd.next();
    addOddFrame(this.#out, this.#odd, this.#options.hostname, this.#options.endsLines);
  }
}
