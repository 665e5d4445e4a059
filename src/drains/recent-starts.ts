/**
 * Where the lines begin that were delivered last, with those of the second before: what a connection that breaks brings
 * into doubt. Two places are enough: deliveries are told apart by spans of a second.
 */
import type { Leg } from "./leg.ts";

const spanMs = 1_000;

export class RecentStarts {
  /** Of the span before, when the newest followed on it. */
  #older: Leg | undefined;
  #newest: Leg | undefined;
  #newestAtMs = 0;
  #lastAtMs = 0;

  /** `start`: the place at which a delivery began. */
  note(start: Leg, nowMs: number): void {
    if (this.#newest === undefined || nowMs - this.#newestAtMs > spanMs) {
      this.#older = nowMs - this.#lastAtMs > spanMs ? undefined : this.#newest;
      this.#newest = start;
      this.#newestAtMs = nowMs;
    }
    this.#lastAtMs = nowMs;
  }

  /** The earliest of them; nothing from then on. Undefined when nothing was delivered. */
  take(): Leg | undefined {
    const start = this.#older ?? this.#newest;
    this.#older = undefined;
    this.#newest = undefined;
    return start;
  }
}
