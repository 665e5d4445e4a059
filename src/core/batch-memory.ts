/**
 * Reference counts for memory that batches lie in and that is reused. Everybody who is handed such a batch has a hold
 * on its memory and releases it when done; the last release returns the memory. A reader that cannot tell when it is
 * done never releases, and the garbage collector takes the memory like any other. So a forgotten release costs no more
 * than new memory; only an early one is a fault.
 */
import assert from "node:assert";

/** The place where memory waits for its next use. */
export interface MemoryHome<Memory> {
  takeBack(memory: Memory): void;
}

/** The holds on one piece of memory, from one use of it to the next. */
export class BatchMemory<Memory = unknown> {
  /** All of it, used or not. */
  readonly bytes: number;
  readonly #home: MemoryHome<Memory>;
  readonly #memory: Memory;
  #holds = 1;

  /** The first hold is its maker's. */
  constructor(home: MemoryHome<Memory>, memory: Memory, bytes: number) {
    this.#home = home;
    this.#memory = memory;
    this.bytes = bytes;
  }

  /** One more has a hold. */
  hold(): void {
    assert(this.#holds > 0, "memory that went home is held");
    this.#holds++;
  }

  /** A hold is given back: whoever had it does not read there any more. */
  release(): void {
    assert(this.#holds > 0, "memory is given back more often than it was held");
    if (--this.#holds === 0) this.#home.takeBack(this.#memory);
  }
}

/** Tests have what went home overwritten, so that somebody who reads it still is found. */
export const returnedMemory = { isWiped: false };
