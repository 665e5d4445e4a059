/**
 * Time that owners may have of the threads that run patterns: so much at once, and then so much each second. What is
 * spent is known only afterwards, so a balance may be below zero; nothing more is run until it is above again.
 */

export type BudgetLimits = {
  /** At once, after a while of rest. */
  readonly burstMs: number;
  /** Each second. */
  readonly msPerSecond: number;
};

/** Owners at a time; those with all of their budget are forgotten before this is looked at. */
const sweepAt = 1_024;

type Balance = { ms: number; atMs: number };

export class Budgets {
  readonly #limits: BudgetLimits;
  readonly #nowMs: () => number;
  /** Of those who spent something lately. */
  readonly #balances = new Map<string, Balance>();
  #sweepAt = sweepAt;

  constructor(limits: BudgetLimits, nowMs: () => number) {
    this.#limits = limits;
    this.#nowMs = nowMs;
  }

  /** Owners that are remembered. */
  get size(): number {
    return this.#balances.size;
  }

  /** What is left, in milliseconds. */
  left(owner: string): number {
    const balance = this.#balances.get(owner);
    return balance === undefined ? this.#limits.burstMs : this.#now(balance);
  }

  /** Until something is left. */
  waitMs(owner: string): number {
    return Math.max(0, (-this.left(owner) / this.#limits.msPerSecond) * 1_000);
  }

  spend(owner: string, ms: number): void {
    const left = this.left(owner) - ms;
    this.#balances.set(owner, { ms: left, atMs: this.#nowMs() });
    if (this.#balances.size > this.#sweepAt) this.#sweep();
  }

  #now({ ms, atMs }: Balance): number {
    const { burstMs, msPerSecond } = this.#limits;
    return Math.min(burstMs, ms + ((this.#nowMs() - atMs) * msPerSecond) / 1_000);
  }

  #sweep(): void {
    for (const [owner, balance] of this.#balances)
      if (this.#now(balance) >= this.#limits.burstMs) this.#balances.delete(owner);
    this.#sweepAt = Math.max(sweepAt, 2 * this.#balances.size);
  }
}
