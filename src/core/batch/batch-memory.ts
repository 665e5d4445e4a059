/**
 * Reference counts for reused memory that batches lie in. Everybody who is handed such a batch has a hold on its
 * memory, and releases it when done; the last release returns the memory. A reader that cannot tell when it is done
 * never releases, and the garbage collector takes the memory like any other. So a forgotten release only costs new
 * memory; an early one is a fault.
 */
import assert from "node:assert";

/** Keeps memory to be used again. */
export interface MemoryHome<Memory> {
  takeBack(memory: Memory): void;
}

/** The holds on one piece of memory, from one use of it to the next. */
export class BatchMemory<Memory = unknown> {
  /** The size of all of it, used or not. */
  readonly bytes: number;
  readonly #home: MemoryHome<Memory>;
  readonly #memory: Memory;
  #holds = 1;

  /** The first hold belongs to the caller. */
  constructor(home: MemoryHome<Memory>, memory: Memory, bytes: number) {
    this.#home = home;
    this.#memory = memory;
    this.bytes = bytes;
  }

  /** Adds a hold. */
  hold(): void {
    assert(this.#holds > 0, "memory that was taken back is held");
    this.#holds++;
  }

  /** Ends a hold: its holder must not read the memory any more. */
  release(): void {
    assert(this.#holds > 0, "memory is released more often than it was held");
    if (--this.#holds === 0) this.#home.takeBack(this.#memory);
  }
}

/** In tests, returned memory is overwritten, to catch anybody who still reads it. */
export const returnedMemory = { isWiped: false };
