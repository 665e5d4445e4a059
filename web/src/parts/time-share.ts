/** The part of each second that this work may take, so that the tab answers meanwhile. */
const shareMs = 400;

/** Bounds the time of work that may take long and can be left out. */
export class TimeShare {
  #secondMs = Number.NEGATIVE_INFINITY;
  #usedMs = 0;

  /** The result of `work`; `otherwise` if this second's time is used up. */
  use<Result>(work: () => Result, otherwise: Result): Result {
    const startMs = performance.now();
    if (startMs - this.#secondMs >= 1_000) {
      this.#secondMs = startMs;
      this.#usedMs = 0;
    }
    if (this.#usedMs >= shareMs) return otherwise;
    try {
      return work();
    } finally {
      this.#usedMs += performance.now() - startMs;
    }
  }
}
