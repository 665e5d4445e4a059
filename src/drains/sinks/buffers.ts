/**
 * Memory for writing parcels, reused after they are sent: a buffer of half a megabyte costs more to allocate than to
 * fill. The memory kept for reuse is bounded; beyond that, buffers are allocated and left to the garbage collector.
 */

import { returnedMemory } from "../../core/batch/batch-memory.ts";

/** A source of memory, which takes back what nobody reads any more. */
export type Buffers = {
  /** Returns at least this many bytes, of arbitrary content. */
  take(bytes: number): Buffer;
  /** Returns memory that nobody reads any more. Call it only once; a view of what was taken is enough. */
  give(buffer: Buffer): void;
};

export const freshBuffers: Buffers = {
  take: (bytes) => Buffer.allocUnsafe(bytes),
  give: () => {},
};

/** Each class has one size: powers of two from the first to the last. Smaller buffers are cheap to allocate. */
const smallestShift = 14;
const largestShift = 20;

export class BufferPool implements Buffers {
  readonly #bytesMax: number;
  readonly #classes: ArrayBuffer[][] = [];
  /** Memory that was allocated here. Small buffers are parts of memory that others use as well. */
  readonly #own = new WeakSet<ArrayBuffer>();
  #bytes = 0;

  /** Keeps at most this many bytes. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
    for (let shift = smallestShift; shift <= largestShift; shift++) this.#classes.push([]);
  }

  /** Bytes that wait to be reused. */
  get bytes(): number {
    return this.#bytes;
  }

  take(bytes: number): Buffer {
    if (bytes <= 1 << (smallestShift - 1)) return Buffer.allocUnsafe(bytes);
    const shift = Math.max(smallestShift, 32 - Math.clz32(bytes - 1));
    const kept = this.#classes[shift - smallestShift]?.pop();
    if (kept === undefined) return this.#make(shift, bytes);
    this.#bytes -= kept.byteLength;
    return Buffer.from(kept);
  }

  give(buffer: Buffer): void {
    const memory = buffer.buffer as ArrayBuffer;
    const bytes = memory.byteLength;
    if (!this.#own.has(memory) || this.#bytes + bytes > this.#bytesMax) return;
    if (returnedMemory.isWiped) new Uint8Array(memory).fill(0xdb);
    this.#bytes += bytes;
    this.#classes[31 - Math.clz32(bytes) - smallestShift]!.push(memory);
  }

  #make(shift: number, bytes: number): Buffer {
    if (shift > largestShift) return Buffer.allocUnsafeSlow(bytes);
    const memory = Buffer.allocUnsafeSlow(1 << shift);
    this.#own.add(memory.buffer as ArrayBuffer);
    return memory;
  }
}
