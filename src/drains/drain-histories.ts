/** Lag and pace of the drains that run here, over the last hour: one ring of samples per drain, only in memory. */

export type DrainSample = { readonly atMs: number; readonly lagLines: number; readonly rate: number };

type DrainHistoriesLimits = {
  /** Samples per drain; a new one replaces the oldest. */
  readonly samplesMax: number;
  /** Drains beyond this number have no samples until one of the others ends. */
  readonly drainsMax: number;
};

export class DrainHistories {
  readonly #limits: DrainHistoriesLimits;
  readonly #byDrain = new Map<string, DrainSample[]>();

  constructor(limits: DrainHistoriesLimits) {
    this.#limits = limits;
  }

  add(id: string, sample: DrainSample): void {
    const { samplesMax, drainsMax } = this.#limits;
    let samples = this.#byDrain.get(id);
    if (samples === undefined) {
      if (this.#byDrain.size >= drainsMax) return;
      samples = [];
      this.#byDrain.set(id, samples);
    }
    samples.push(sample);
    if (samples.length > samplesMax) samples.shift();
  }

  /** Forgets the drains that no longer run here. */
  keep(running: { has(id: string): boolean }): void {
    for (const id of this.#byDrain.keys()) if (!running.has(id)) this.#byDrain.delete(id);
  }

  /** Oldest first; empty for a drain that runs elsewhere, or not at all. */
  of(id: string): readonly DrainSample[] {
    return this.#byDrain.get(id) ?? [];
  }
}
