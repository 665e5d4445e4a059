/** Lines over time by severity, in steps that grow with the span: flat memory, however much is read. */
import { type Level, levels } from "./filter.ts";

export type Bin = { readonly startMs: number; readonly counts: Readonly<Record<Level, number>> };

const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 43200, 86400].map(
  (s) => s * 1000,
);

export class Histogram {
  readonly binsMax: number;
  #stepMs = steps[0]!;
  readonly #bins = new Map<number, Record<Level, number>>();

  constructor(binsMax = 120) {
    this.binsMax = binsMax;
  }

  get stepMs(): number {
    return this.#stepMs;
  }

  add(timeMs: number, level: Level, count = 1): void {
    if (!Number.isFinite(timeMs)) return;
    const at = Math.floor(timeMs / this.#stepMs) * this.#stepMs;
    let bin = this.#bins.get(at);
    if (bin === undefined) {
      bin = { error: 0, warn: 0, info: 0, debug: 0 };
      this.#bins.set(at, bin);
      if (this.#bins.size > 1) this.#widen();
      bin = this.#bins.get(Math.floor(timeMs / this.#stepMs) * this.#stepMs)!;
    }
    bin[level] += count;
  }

  /** Every step from the first to the last, those without lines too. */
  bins(): Bin[] {
    const [first, last] = this.#span();
    const bins: Bin[] = [];
    for (let at = first; at <= last; at += this.#stepMs) {
      bins.push({ startMs: at, counts: this.#bins.get(at) ?? { error: 0, warn: 0, info: 0, debug: 0 } });
    }
    return bins;
  }

  clear(): void {
    this.#bins.clear();
    this.#stepMs = steps[0]!;
  }

  #span(): [number, number] {
    let first = Number.POSITIVE_INFINITY;
    let last = Number.NEGATIVE_INFINITY;
    for (const at of this.#bins.keys()) {
      if (at < first) first = at;
      if (at > last) last = at;
    }
    return [first, last];
  }

  #widen(): void {
    const [first, last] = this.#span();
    const needed = (last - first) / (this.binsMax - 1);
    if (this.#stepMs >= needed) return;
    this.#stepMs = steps.find((step) => step >= needed) ?? Math.ceil(needed / 86_400_000) * 86_400_000;
    const old = [...this.#bins];
    this.#bins.clear();
    for (const [at, counts] of old) {
      const to = Math.floor(at / this.#stepMs) * this.#stepMs;
      const sum = this.#bins.get(to) ?? { error: 0, warn: 0, info: 0, debug: 0 };
      for (const level of levels) sum[level] += counts[level];
      this.#bins.set(to, sum);
    }
  }
}
