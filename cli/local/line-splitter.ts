/** Bytes of a program into its lines: split at LF, cut at `lineBytesMax` bytes, as log-shuttle does. */

/** A line longer than this becomes several; only the last of them ends with LF. A cut may part a character. */
export const lineBytesMax = 10_000;

const LF = 0x0a;

/** Takes one line or piece: `bytes[start, end)` without its LF; `whole` is false for a piece that goes on. */
export type TakeLine = (bytes: Uint8Array, start: number, end: number, whole: boolean) => void;

/** Keeps one unfinished line of at most `lineBytesMax` bytes between two chunks. */
export class LineSplitter {
  readonly #take: TakeLine;
  readonly #rest = Buffer.allocUnsafe(lineBytesMax);
  #restLength = 0;

  constructor(take: TakeLine) {
    this.#take = take;
  }

  push(chunk: Uint8Array): void {
    for (let start = 0; start < chunk.length; ) {
      const lineFeed = chunk.indexOf(LF, start);
      const end = lineFeed === -1 ? chunk.length : lineFeed;
      start = this.#line(chunk, start, end, lineFeed !== -1);
    }
  }

  /** The end of the bytes ends the last line too. */
  end(): void {
    if (this.#restLength > 0) this.#take(this.#rest, 0, this.#restLength, true);
    this.#restLength = 0;
  }

  /** Returns where the next line starts. */
  #line(chunk: Uint8Array, start: number, end: number, ended: boolean): number {
    let at = start;
    // A piece goes out only when more of its line is there, so that a line of just the limit stays one.
    while (this.#restLength + (end - at) > lineBytesMax) {
      const missing = lineBytesMax - this.#restLength;
      this.#emit(chunk, at, at + missing, false);
      at += missing;
    }
    if (ended) {
      this.#emit(chunk, at, end, true);
      return end + 1;
    }
    this.#rest.set(chunk.subarray(at, end), this.#restLength);
    this.#restLength += end - at;
    return end;
  }

  #emit(chunk: Uint8Array, start: number, end: number, whole: boolean): void {
    if (this.#restLength === 0) {
      this.#take(chunk, start, end, whole);
      return;
    }
    this.#rest.set(chunk.subarray(start, end), this.#restLength);
    this.#take(this.#rest, 0, this.#restLength + (end - start), whole);
    this.#restLength = 0;
  }
}
