/** Octet-counted frames, written one after another into memory that grows when needed. */
import type { Buffers } from "../buffers.ts";

const space = 0x20;
/** Up to this many bytes, a loop is faster than a call. */
const loopBytesMax = 32;
/** Used directly: it copies without making a view of the source. */
const { copy } = Buffer.prototype;
/** The digits of a frame's length, and the space after them. */
const prefixBytesMax = 10;

export class FrameBuffer {
  readonly #buffers: Buffers;
  #out: Buffer;
  #end = 0;

  constructor(bytes: number, buffers: Buffers) {
    this.#buffers = buffers;
    this.#out = buffers.take(bytes + prefixBytesMax);
  }

  /** Makes room for a frame of `length` bytes and writes its length; the bytes follow. */
  begin(length: number): void {
    if (this.#end + length + prefixBytesMax > this.#out.length) this.#grow(length + prefixBytesMax);
    let digits = 1;
    for (let limit = 10; length >= limit; limit *= 10) digits++;
    const out = this.#out;
    const end = this.#end + digits;
    let rest = length;
    for (let at = end - 1; at >= this.#end; at--) {
      out[at] = 0x30 + (rest % 10);
      rest = (rest / 10) | 0;
    }
    out[end] = space;
    this.#end = end + 1;
  }

  copy(from: Uint8Array, start: number, end: number): void {
    const out = this.#out;
    let at = this.#end;
    if (end - start > loopBytesMax) copy.call(from, out, at, start, end);
    else for (let i = start; i < end; i++) out[at++] = from[i]!;
    this.#end += end - start;
  }

  /** Adds frames that are written already. */
  add(frames: Uint8Array): void {
    if (this.#end + frames.length > this.#out.length) this.#grow(frames.length);
    this.#out.set(frames, this.#end);
    this.#end += frames.length;
  }

  byte(byte: number): void {
    this.#out[this.#end++] = byte;
  }

  take(): Buffer {
    return this.#out.subarray(0, this.#end);
  }

  #grow(more: number): void {
    const larger = this.#buffers.take(Math.max(this.#end + more, this.#out.length * 2));
    larger.set(this.#out.subarray(0, this.#end));
    this.#buffers.give(this.#out);
    this.#out = larger;
  }
}
