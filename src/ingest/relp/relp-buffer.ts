import { type RelpScan, scanRelp } from "../../core/wire/relp.ts";

const nothing = new Uint8Array(0);

/**
 * Cuts a stream into RELP frames, however its chunks fall. Holds at most one unfinished frame besides the last chunk.
 */
export class RelpBuffer {
  /** The bytes that the offsets of the newest frame refer to; valid until the next `push`. */
  bytes: Uint8Array = nothing;
  /** The offset of the next frame. */
  at = 0;
  readonly #dataBytesMax: number;
  #room: Buffer = Buffer.alloc(0);
  #kept = 0;
  #needed = 0;

  constructor(dataBytesMax: number) {
    this.#dataBytesMax = dataBytesMax;
  }

  /** True when a frame has begun and not ended. */
  get isUnfinished(): boolean {
    return this.#kept > 0;
  }

  /** Memory that an unfinished frame takes. */
  get unfinishedBytes(): number {
    return this.#kept > 0 ? this.#room.length : 0;
  }

  /** Adds a chunk. Every frame of the previous bytes must have been taken with `next`. */
  push(chunk: Uint8Array): void {
    this.at = 0;
    if (this.#kept === 0) {
      this.bytes = chunk;
      return;
    }
    this.bytes = nothing;
    this.#keep(chunk);
    if (this.#kept < this.#needed) return;
    this.bytes = this.#room.subarray(0, this.#kept);
    this.#kept = 0;
    this.#room = Buffer.alloc(0); // a new buffer, because frames are views of the old one
  }

  /** The next frame; after `more` or `bad` there is none. */
  next(): RelpScan {
    if (this.at >= this.bytes.length) return { kind: "more", bytesMissing: 1 };
    const scan = scanRelp(this.bytes, this.at, this.#dataBytesMax);
    if (scan.kind === "frame") this.at = scan.next;
    if (scan.kind === "more") {
      const rest = this.bytes.subarray(this.at);
      this.at = this.bytes.length;
      this.#needed = rest.length + scan.bytesMissing;
      this.#keep(rest);
    }
    return scan;
  }

  #keep(more: Uint8Array): void {
    const length = this.#kept + more.length;
    if (length > this.#room.length) {
      const larger = Buffer.allocUnsafe(Math.max(length, Math.min(this.#needed, 2 * length)));
      this.#room.copy(larger, 0, 0, this.#kept);
      this.#room = larger;
    }
    this.#room.set(more, this.#kept);
    this.#kept = length;
  }
}
