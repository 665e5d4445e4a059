/** Waits behind connections that break: the first of a row is short, each further one longer. */
import { type RetryPolicy, retryDelayMs } from "../core/retry.ts";

/** Breaks further apart than this are counted from one again. */
const rowMsMax = 120_000;

export class BreakDelays {
  readonly #retry: RetryPolicy;
  #breaks = 0;
  #brokeAtMs = Number.NEGATIVE_INFINITY;

  constructor(retry: RetryPolicy) {
    this.#retry = retry;
  }

  /** The wait behind a break at `nowMs`, of a clock that only goes forward; `random` is in [0, 1). */
  next(nowMs: number, random: number): number {
    if (nowMs - this.#brokeAtMs > rowMsMax) this.#breaks = 0;
    this.#brokeAtMs = nowMs;
    return retryDelayMs(this.#retry, this.#breaks++, random) ?? this.#retry.delayMsMax;
  }
}
