/**
 * Memory that parcels are written into, reused after they were sent: a buffer of half a megabyte costs more to allocate
 * than to fill. What is kept for reuse is bounded; beyond that, buffers are allocated and left to the garbage
 * collector.
 */

import { returnedMemory } from "../../core/batch/batch-memory.ts";

/** A source of memory, which takes back what nobody reads any more. */
export type Buffers = {
  /** At least so many bytes, of any content. */
  take(bytes: number): Buffer;
  /** Nobody reads it any more, and it is given once. A view of what was taken will do. */
  give(buffer: Buffer): void;
};

export const freshBuffers: Buffers = {
  take: (bytes) => Buffer.allocUnsafe(bytes),
  give: () => {},
};

/** Each class has one size: powers of two from the first to the last. Smaller ones are cheap to make. */
const smallestShift = 14;
const largestShift = 20;

export class BufferPool implements Buffers {
  readonly #bytesMax: number;
  readonly #classes: ArrayBuffer[][] = [];
  /** Memory that was made here, as small buffers are pieces of memory that others have as well. */
  readonly #own = new WeakSet<ArrayBuffer>();
  #bytes = 0;

  /** Keeps at most so many bytes. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
    for (let shift = smallestShift; shift <= largestShift; shift++) this.#classes.push([]);
  }

  /** Bytes that wait for their next use. */
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
