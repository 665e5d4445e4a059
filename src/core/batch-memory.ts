/**
 * Memory that batches lie in and that is used again. Everybody who is handed such a batch has a hold on its memory, and gives
 * it back when nobody reads the batch through him any more; with the last hold the memory goes home. Whoever cannot tell when
 * that is never gives it back: then the collector takes the memory, as any other, once nobody knows of it. So a hold that is
 * forgotten costs no more than memory that is made anew; only one that is given back too early is a fault.
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
