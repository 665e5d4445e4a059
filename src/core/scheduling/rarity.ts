/**
 * Tells when something is so rare that it is not worth waiting for more of it. Work that comes alone hardly ever has
 * company in the next turn of the event loop, and beside others' work that turn may be long.
 */
export class Rarity {
  readonly #withinMs: number;
  /** The times of the last few. */
  readonly #lastMs: number[];
  #next = 0;

  /** Rare is less than `count` times in `withinMs`. */
  constructor(count = 4, withinMs = 10) {
    this.#withinMs = withinMs;
    this.#lastMs = Array.from({ length: count }, () => Number.NEGATIVE_INFINITY);
  }

  /** `nowMs`: of a clock that never goes back. */
  isRare(nowMs: number): boolean {
    return nowMs - this.#lastMs[this.#next]! > this.#withinMs;
  }

  happened(nowMs: number): void {
    this.#lastMs[this.#next] = nowMs;
    this.#next = (this.#next + 1) % this.#lastMs.length;
  }
}
