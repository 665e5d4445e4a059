/** Appends bytes to a growing buffer. One buffer is kept for the next user, which is enough for most. */

const firstBytes = 1 << 16;
const keptBytesMax = 1 << 20;
/** Those who make pieces end one at the first line, or part of a long one, that is beyond this. */
const pieceBytesMax = 1 << 16;

/** Copies without creating a view. */
const { copy } = Buffer.prototype;

let spare: Buffer | undefined;

/** Reserve, then put: nothing is checked byte by byte. */
export class OutBuffer {
  #bytes: Buffer;
  #end = 0;

  constructor() {
    this.#bytes = spare ?? Buffer.allocUnsafeSlow(firstBytes);
    spare = undefined;
  }

  /** The memory that it holds. */
  get roomBytes(): number {
    return this.#bytes.length;
  }

  /** True when there is enough for a piece. */
  get isPiece(): boolean {
    return this.#end > pieceBytesMax;
  }

  reserve(more: number): void {
    if (this.#end + more <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#end + more, this.#bytes.length * 2));
    larger.set(this.#bytes.subarray(0, this.#end));
    this.#bytes = larger;
  }

  // Copies a few bytes one by one, without a call or a view.
  put(from: Uint8Array, start: number, end: number): void {
    if (end - start > 32) {
      copy.call(from, this.#bytes, this.#end, start, end);
      this.#end += end - start;
      return;
    }
    const bytes = this.#bytes;
    let at = this.#end;
    for (let i = start; i < end; i++) bytes[at++] = from[i]!;
    this.#end = at;
  }

  putByte(byte: number): void {
    this.#bytes[this.#end++] = byte;
  }

  putDecimal(value: number): void {
    let digits = 1;
    for (let limit = 10; value >= limit; limit *= 10) digits++;
    let rest = value;
    for (let i = this.#end + digits - 1; i >= this.#end; i--) {
      this.#bytes[i] = 0x30 + (rest % 10);
      rest = Math.floor(rest / 10);
    }
    this.#end += digits;
  }

  /** The bytes in memory of their own, of which they fill at least half. Nothing can be put afterwards. */
  take(): Buffer {
    if (this.#bytes.length > keptBytesMax) return this.#bytes.subarray(0, this.#end);
    const out = Buffer.allocUnsafeSlow(this.#end);
    out.set(this.#bytes.subarray(0, this.#end));
    spare = this.#bytes;
    return out;
  }
}
