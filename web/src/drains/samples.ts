/** Lag and pace of drains since the page looks at them: a sample for each answer, the oldest give way. */
import type { Drain } from "../api-types.ts";

export type Sample = { readonly atMs: number; readonly lag: number; readonly rate: number };

export class Samples {
  readonly #max: number;
  readonly #byDrain = new Map<string, Sample[]>();

  constructor(max = 450) {
    this.#max = max;
  }

  add(drains: readonly Drain[], atMs: number): void {
    const ids = new Set(drains.map(({ id }) => id));
    for (const id of this.#byDrain.keys()) if (!ids.has(id)) this.#byDrain.delete(id);
    for (const { id, lag_lines: lag, rate } of drains) {
      const samples = [...(this.#byDrain.get(id) ?? []), { atMs, lag, rate }];
      this.#byDrain.set(id, samples.slice(-this.#max));
    }
  }

  of(id: string): readonly Sample[] {
    return this.#byDrain.get(id) ?? [];
  }
}
