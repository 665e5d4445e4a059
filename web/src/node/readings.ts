/** The node's figures over time: the paces between readings, the oldest of which give way. */
import { type Figures, type Pace, paceBetween } from "./figures.ts";

type Reading = { readonly atMs: number; readonly figures: Figures };

/** Two readings that are nearer to one another have no pace of their own; those further apart than the charts' gap neither. */
const leastMs = 1_000;
const mostMs = 12_000;

export class Readings {
  readonly #max: number;
  #before: Reading | undefined;
  #paces: readonly Pace[] = [];

  constructor(max = 300) {
    this.#max = max;
  }

  /** The figures of now, and the paces until now. */
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
