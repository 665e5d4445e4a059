/** Splits the output of a program into lines: at LF, and at `lineBytesMax` bytes, but never inside a character. */
import { lineBytesMax } from "./limits.ts";

const LF = 0x0a;
/** Most lines need no more. */
const restBytesMin = 4096;
/** The most bytes of a UTF-8 character after its first. */
const furtherBytesMax = 3;

/** Takes one line or piece: `bytes[start, end)` without its LF; `whole` is false if the line goes on. */
export type TakeLine = (bytes: Uint8Array, start: number, end: number, whole: boolean) => void;

/** Keeps one unfinished line of at most `lineBytesMax` bytes between two chunks. */
export class LineSplitter {
  readonly #take: TakeLine;
  #rest = Buffer.allocUnsafe(restBytesMin);
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

  /** Ends the last line, even without an LF. */
  end(): void {
    if (this.#restLength > 0) this.#take(this.#rest, 0, this.#restLength, true);
    this.#restLength = 0;
  }

  /** Returns the start of the next line. */
  #line(chunk: Uint8Array, start: number, end: number, ended: boolean): number {
    let at = start;
    // A piece is passed on only when more of its line has come, so that a line of exactly the limit stays whole.
    while (this.#restLength + (end - at) > lineBytesMax) at = this.#piece(chunk, at);
    if (ended) {
      this.#emit(chunk, at, end);
      return end + 1;
    }
    this.#reserve(end - at);
    this.#rest.set(chunk.subarray(at, end), this.#restLength);
    this.#restLength += end - at;
    return end;
  }

  /** Takes as much of a line that is too long as fits into one piece; returns where the line goes on. */
  #piece(chunk: Uint8Array, at: number): number {
    const next = at + lineBytesMax - this.#restLength;
    if (this.#restLength === 0) {
      const cut = cutAt(chunk, at, next, chunk[next]!);
      this.#take(chunk, at, cut, false);
      return cut;
    }
    this.#reserve(next - at);
    this.#rest.set(chunk.subarray(at, next), this.#restLength);
    const cut = cutAt(this.#rest, 0, lineBytesMax, chunk[next]!);
    this.#take(this.#rest, 0, cut, false);
    this.#rest.copyWithin(0, cut);
    this.#restLength = lineBytesMax - cut;
    return next;
  }

  // Makes room for `more` bytes of the unfinished line.
  #reserve(more: number): void {
    const length = this.#restLength + more;
    if (length <= this.#rest.length) return;
    const larger = Buffer.allocUnsafe(Math.min(lineBytesMax, Math.max(length, 2 * this.#rest.length)));
    this.#rest.copy(larger, 0, 0, this.#restLength);
    this.#rest = larger;
  }

  #emit(chunk: Uint8Array, start: number, end: number): void {
    if (this.#restLength === 0) {
      this.#take(chunk, start, end, true);
      return;
    }
    this.#reserve(end - start);
    this.#rest.set(chunk.subarray(start, end), this.#restLength);
    this.#take(this.#rest, 0, this.#restLength + (end - start), true);
    this.#restLength = 0;
  }
}

/** `text` in UTF-8, cut to `lineBytesMax` bytes. */
export function firstPiece(text: string): Buffer {
  const bytes = Buffer.from(text);
  if (bytes.length <= lineBytesMax) return bytes;
  return bytes.subarray(0, cutAt(bytes, 0, lineBytesMax, bytes[lineBytesMax]!));
}

/**
 * The place to cut `bytes[start, end)` if `next` follows: its end, or before the character that would be split. Bytes
 * that are not UTF-8 are cut anywhere.
 */
function cutAt(bytes: Uint8Array, start: number, end: number, next: number): number {
  if (!isFurther(next)) return end;
  for (let first = end - 1; first >= Math.max(start + 1, end - furtherBytesMax); first--) {
    const byte = bytes[first]!;
    if (!isFurther(byte)) return first + lengthOf(byte) > end ? first : end;
  }
  return end;
}

const isFurther = (byte: number): boolean => (byte & 0xc0) === 0x80;
/** The length of the character that begins with this byte. */
const lengthOf = (byte: number): number => (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1);
