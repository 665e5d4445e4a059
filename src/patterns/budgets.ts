/**
 * Budgets of the time that owners may use of the threads that run patterns: an amount at once, and then an amount per
 * second. The cost of a slice is known only afterwards, so a balance can be negative; nothing more is run until it is
 * positive again.
 */

export type BudgetLimits = {
  /** Milliseconds that may be used at once after a rest. */
  readonly burstMs: number;
  /** Milliseconds gained each second. */
  readonly msPerSecond: number;
};

/** From this number of owners on, those with a full budget are forgotten. */
const sweepAt = 1_024;

type Balance = { ms: number; atMs: number };

export class Budgets {
  readonly #limits: BudgetLimits;
  readonly #nowMs: () => number;
  /** Balances of owners that spent something recently. */
  readonly #balances = new Map<string, Balance>();
  #sweepAt = sweepAt;

  constructor(limits: BudgetLimits, nowMs: () => number) {
    this.#limits = limits;
    this.#nowMs = nowMs;
  }

  /** The number of owners that are remembered. */
  get size(): number {
    return this.#balances.size;
  }

  /** The milliseconds that are left. */
  left(owner: string): number {
    const balance = this.#balances.get(owner);
    return balance === undefined ? this.#limits.burstMs : this.#now(balance);
  }

  /** The milliseconds until something is left. */
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
