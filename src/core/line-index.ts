/**
 * The line index of a batch: where the parts of its lines are, found once. Ingest makes it while it writes the lines; a
 * batch that was read from a disk or a network gets its own at the first question (`indexOf`). It says the same,
 * whoever made it. What stands behind ingest copies from known places instead of scanning lines again.
 */
import type { Form } from "./batch.ts";
import { LineCursor } from "./line-cursor.ts";
import { type LineIndex, placeShift, placesPerLine, strictBit } from "./line-places.ts";
import { structuredDataEnd } from "./structured-data.ts";
import { timestampEnd } from "./timestamp.ts";

/** Canonical frames of one form. `index` is set by whoever makes it first; it holds for the bytes that it names alone. */
export type IndexedFrames = {
  readonly bytes: Uint8Array;
  readonly count: number;
  readonly form: Form;
  index?: LineIndex | undefined;
};

const space = 0x20;
const processBytesMax = 128;
const msgidBytesMax = 32;
const sourceBytesMax = 48;

/** The index of the frames, made now unless it was before. Throws when they are not canonical: the store is damaged. */
export function indexOf(frames: IndexedFrames): LineIndex {
  const known = frames.index;
  if (known !== undefined && known.bytes === frames.bytes) return known;
  const made = indexFrames(frames.bytes, frames.count, frames.form);
  frames.index = made;
  return made;
}

/** A cursor before the first of the frames, which it need not scan. */
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

/** True when every field of the line holds against a strict parser: see `strictBit`. */
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

/** Printable ASCII of at most so many bytes. */
export function isPlain(bytes: Uint8Array, start: number, end: number, bytesMax: number): boolean {
  for (let i = start; i < end; i++) if (bytes[i]! > 0x7e || bytes[i]! <= space) return false;
  return end - start <= bytesMax;
}
