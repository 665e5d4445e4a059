import { type LineCode, lineCode } from "./line-code.ts";
import { type IndexedFrames, indexOf } from "./line-index.ts";
import { place, placeShift } from "./line-places.ts";

/** Frames of syslog drains, written of many lines at a time (`assembly/strict-frames.ts`). */
export class DrainFrames {
  /** The lines that the last call has written. */
  linesWritten = 0;
  readonly #instance: LineCode | null;
  readonly #hostname: Uint8Array;
  readonly #endsLines: boolean;

  /** `endsLines`: a message that does not end in a newline gets one. */
  constructor(hostname: Uint8Array, endsLines: boolean, instance: LineCode | null = lineCode) {
    const hostnameBytesMax = instance?.code.hostnameBytesMax.value ?? 0;
    this.#instance = hostname.length > hostnameBytesMax ? null : instance;
    this.#hostname = hostname;
    this.#endsLines = endsLines;
  }

  /**
   * The frames of lines from `line` on, as many as there is room for, up to one that a strict parser would reject; valid until the
   * next call. Undefined if there is none.
   */
  write(frames: IndexedFrames, line: number): Uint8Array | undefined {
    const instance = this.#instance;
    if (instance === null) return undefined;
    const { code } = instance;
    const { places } = indexOf(frames);
    const base = places[(line << placeShift) + place.head]!;
    const from = instance.load(frames, frames.bytes, base, frames.bytes.length);
    const most = Math.min(frames.count - line, instance.linesMax);
    const count = linesWithin(places, line, most, base + instance.loadedEnd - from);
    instance.putPlaces(places, line, count);
    instance.putHostname(this.#hostname);
    const isNil = frames.form !== "rfc5424";
    this.linesWritten = code.writeFrames(count, base, from, this.#hostname.length, +isNil, +this.#endsLines);
    return this.linesWritten === 0 ? undefined : instance.frames();
  }

  /** Call after the last line. */
  end(): void {
    this.#instance?.unload();
  }
}

// The lines from `line` on that end by `end`, at most `most`.
function linesWithin(places: Uint32Array, line: number, most: number, end: number): number {
  const fits = (count: number): boolean => places[((line + count - 1) << placeShift) + place.end]! <= end;
  if (fits(most)) return most;
  let [count, over] = [0, most];
  while (over - count > 1) {
    const middle = (count + over) >> 1;
    if (fits(middle)) count = middle;
    else over = middle;
  }
  return count;
}
