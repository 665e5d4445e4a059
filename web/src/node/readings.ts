/** The node's metrics over time: the paces between readings; new ones replace the oldest. */
import { type Figures, type Pace, paceBetween } from "./figures.ts";

type Reading = { readonly atMs: number; readonly figures: Figures };

/**
 * Two readings that are closer together give no pace of their own, and neither do those further apart than the charts'
 * gap.
 */
const leastMs = 1_000;
const mostMs = 12_000;

export class Readings {
  readonly #max: number;
  #before: Reading | undefined;
  #paces: readonly Pace[] = [];

  constructor(max = 300) {
    this.#max = max;
  }

  /** The present metrics, and the paces so far. */
  add(now: Reading): { readonly figures: Figures; readonly paces: readonly Pace[] } {
    const before = this.#before;
    const sinceMs = before === undefined ? Number.POSITIVE_INFINITY : now.atMs - before.atMs;
    if (before !== undefined && sinceMs >= leastMs && sinceMs <= mostMs) {
      const pace = paceBetween(before, now);
      if (pace !== undefined) this.#paces = [...this.#paces, pace].slice(-this.#max);
    }
    if (!(sinceMs < leastMs)) this.#before = now;
    return { figures: now.figures, paces: this.#paces };
  }
}
