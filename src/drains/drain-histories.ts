/** Lag and pace of the drains that run here, over the last hour: a ring of samples for each, in memory alone. */

export type DrainSample = { readonly atMs: number; readonly lagLines: number; readonly rate: number };

type DrainHistoriesLimits = {
  /** Samples of a drain; the oldest gives way. */
  readonly samplesMax: number;
  /** Drains beyond these have none, until one of these ends. */
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

  /** Forgets the drains that do not run here any more. */
  keep(running: { has(id: string): boolean }): void {
    for (const id of this.#byDrain.keys()) if (!running.has(id)) this.#byDrain.delete(id);
  }

  /** Oldest first; none of a drain that runs elsewhere, or not at all. */
  of(id: string): readonly DrainSample[] {
    return this.#byDrain.get(id) ?? [];
  }
}
