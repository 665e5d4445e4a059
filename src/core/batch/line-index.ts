/**
 * The line index of a batch: where the parts of its lines are, found once. Ingest makes it while it writes the lines; a
 * batch that was read from a disk or a network gets one when it is first needed (`indexOf`). Both ways give the same
 * index. Everything after ingest copies from known places instead of scanning lines again.
 */

import { structuredDataEnd } from "../wire/structured-data.ts";
import { timestampEnd } from "../wire/timestamp.ts";
import type { Form } from "./batch.ts";
import { LineCursor } from "./line-cursor.ts";
import { type LineIndex, place, placeShift, placesPerLine, strictBit } from "./line-places.ts";

/**
 * Canonical frames of one form. `index` is set by whoever makes it first; it is valid only for the bytes that it names.
 */
export type IndexedFrames = {
  readonly bytes: Uint8Array;
  readonly count: number;
  readonly form: Form;
  index?: LineIndex | undefined;
};

const space = 0x20;
/** Bounds of the fields in RFC 5424 §6; SOURCE is in the place of APP-NAME. */
export const processBytesMax = 128;
export const msgidBytesMax = 32;
export const sourceBytesMax = 48;

/**
 * The index of the frames, which is made now if there is none. Throws if they are not canonical: the store is damaged.
 */
export function indexOf(frames: IndexedFrames): LineIndex {
  const known = frames.index;
  if (known !== undefined && known.bytes === frames.bytes) return known;
  const made = indexFrames(frames.bytes, frames.count, frames.form);
  frames.index = made;
  return made;
}

/** A cursor before the first of the frames, which does not have to scan them. */
export const cursorOver = (frames: IndexedFrames): LineCursor =>
  new LineCursor().openIndexed(indexOf(frames), frames.count, frames.form);

/** Finds the places in `count` frames. */
export function indexFrames(bytes: Uint8Array, count: number, form: Form): LineIndex {
  const places = new Uint32Array(count << placeShift);
  const line = new LineCursor().open(bytes, form);
  let at = 0;
  for (; at < places.length && line.next(); at += placesPerLine) {
    places[at] = line.headStart;
    places[at + 1] = line.pri | (isStrict(line) ? strictBit : 0);
    places[at + 2] = line.timeEnd;
    places[at + 3] = line.sourceEnd;
    places[at + 4] = line.processEnd;
    places[at + 5] = line.msgidEnd;
    places[at + 6] = line.messageStart;
    places[at + 7] = line.end;
  }
  if (at < places.length || line.end < bytes.length)
    throw new Error("stored lines are damaged: not as many as told");
  return { bytes, places };
}

/** The places of the frames, as if these began at `base`. */
export function placesAt(frames: IndexedFrames, base: number): Uint32Array {
  const places = new Uint32Array(frames.count << placeShift);
  movePlaces(indexOf(frames).places, 0, frames.count, places, 0, base);
  return places;
}

/** The place after the frame of this line; 0 for the line before the first one. */
export const endOfFrame = ({ places }: LineIndex, line: number): number =>
  line < 0 ? 0 : places[(line << placeShift) + place.end]!;

/**
 * Some of the lines, as frames of their own with an index. `runs` has the first line of each run and the line after its
 * last. One run is a view of the bytes; several are copied together.
 */
export function pickLines(frames: IndexedFrames, runs: readonly number[]): IndexedFrames {
  const index = indexOf(frames);
  const places = new Uint32Array(linesIn(runs) << placeShift);
  const parts: Uint8Array[] = [];
  let count = 0;
  let end = 0;
  for (let run = 0; run < runs.length; run += 2) {
    const [first, endLine] = [runs[run]!, runs[run + 1]!];
    const start = endOfFrame(index, first - 1);
    parts.push(frames.bytes.subarray(start, endOfFrame(index, endLine - 1)));
    movePlaces(index.places, first, endLine, places, count, end - start);
    count += endLine - first;
    end += parts.at(-1)!.length;
  }
  const bytes = parts.length === 1 ? parts[0]! : Buffer.concat(parts);
  return { bytes, count, form: frames.form, index: { bytes, places } };
}

function linesIn(runs: readonly number[]): number {
  let lines = 0;
  for (let run = 0; run < runs.length; run += 2) lines += runs[run + 1]! - runs[run]!;
  return lines;
}

// Copies the numbers of the lines from `first` up to `endLine`, whose frames are now `by` bytes further on.
function movePlaces(
  from: Uint32Array,
  first: number,
  endLine: number,
  to: Uint32Array,
  line: number,
  by: number,
): void {
  let at = line << placeShift;
  for (let i = first << placeShift; i < endLine << placeShift; i++, at++) {
    to[at] = (i & (placesPerLine - 1)) === place.pri ? from[i]! : from[i]! + by;
  }
}

/** True if a strict parser accepts every field of the line: see `strictBit`. */
function isStrict(line: LineCursor): boolean {
  const { bytes, timeStart, timeEnd, sdStart, sdEnd } = line;
  if (line.pri > 191 || timestampEnd(bytes, timeStart, timeEnd) !== timeEnd) return false;
  return (
    isPlain(bytes, line.sourceStart, line.sourceEnd, sourceBytesMax) &&
    isPlain(bytes, line.processStart, line.processEnd, processBytesMax) &&
    isPlain(bytes, line.msgidStart, line.msgidEnd, msgidBytesMax) &&
    (sdEnd - sdStart <= 1 || structuredDataEnd(bytes, sdStart, sdEnd) === sdEnd)
  );
}

/** True for printable ASCII of 1 to `bytesMax` bytes. */
export function isPlain(bytes: Uint8Array, start: number, end: number, bytesMax: number): boolean {
  for (let i = start; i < end; i++) if (bytes[i]! > 0x7e || bytes[i]! <= space) return false;
  return end > start && end - start <= bytesMax;
}
