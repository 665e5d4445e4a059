/** Lag and pace of drains: what the server remembers of the last hour, then a sample for each answer; the oldest give way. */
import type { Drain, DrainHistory } from "../api-types.ts";

export type Sample = { readonly atMs: number; readonly lag: number; readonly rate: number };

export class Samples {
  readonly #max: number;
  readonly #byDrain = new Map<string, Sample[]>();

  constructor(max = 1_200) {
    this.#max = max;
  }

  add(drains: readonly Drain[], atMs: number): void {
    const ids = new Set(drains.map(({ id }) => id));
    for (const id of this.#byDrain.keys()) if (!ids.has(id)) this.#byDrain.delete(id);
    for (const { id, lag_lines: lag, rate } of drains) this.#put(id, [...this.of(id), { atMs, lag, rate }]);
  }

  /** What was before the first sample of the page's own. */
  remember(id: string, { samples }: DrainHistory): void {
    const own = this.of(id);
    const before = samples.map(({ at, lag_lines: lag, rate }) => ({ atMs: Date.parse(at), lag, rate }));
    const firstMs = own[0]?.atMs ?? Number.POSITIVE_INFINITY;
    this.#put(id, [...before.filter(({ atMs }) => atMs < firstMs), ...own]);
  }

  of(id: string): readonly Sample[] {
    return this.#byDrain.get(id) ?? [];
  }

  #put(id: string, samples: readonly Sample[]): void {
    this.#byDrain.set(id, samples.slice(-this.#max));
  }
}
