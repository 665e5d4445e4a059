/**
 * A histogram for things that happen with each parcel or batch: an observation is two additions. prom-client checks and
 * hashes the labels each time, which takes 0.7 µs and makes garbage.
 */
import assert from "node:assert";
import type { Metric, Registry } from "prom-client";

/** The observations with one value of the label. */
class Tally {
  readonly #bounds: readonly number[];
  /** Observations by the first bound that they do not exceed; the last count is of those that exceed all. */
  readonly counts: number[];
  sum = 0;

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.counts = Array<number>(bounds.length + 1).fill(0);
  }

  observe(value: number): void {
    assert(Number.isFinite(value), "a number is observed");
    let at = 0;
    while (at < this.#bounds.length && value > this.#bounds[at]!) at++;
    this.counts[at]!++;
    this.sum += value;
  }
}

type QuickHistogramOptions<Of extends string> = {
  readonly name: string;
  readonly help: string;
  /** One label and its closed set of values; absent: no label. */
  readonly label?: { readonly name: string; readonly values: readonly Of[] };
  /** In ascending order. */
  readonly buckets: readonly number[];
  readonly registers: readonly Registry[];
};

type Value = { readonly metricName: string; readonly labels: Record<string, string | number>; value: number };

export class QuickHistogram<Of extends string = ""> {
  readonly name: string;
  readonly help: string;
  readonly type = "histogram";
  readonly aggregator = "sum";
  readonly labelNames: readonly string[];
  /** By value of the label; a histogram without a label has one entry, "". */
  readonly of: Readonly<Record<Of, Tally>>;
  readonly #buckets: readonly number[];

  constructor({ name, help, label, buckets, registers }: QuickHistogramOptions<Of>) {
    this.name = name;
    this.help = help;
    this.#buckets = buckets;
    this.labelNames = label === undefined ? [] : [label.name];
    const values = label?.values ?? ([""] as Of[]);
    this.of = Object.fromEntries(values.map((value) => [value, new Tally(buckets)])) as Record<Of, Tally>;
    for (const registry of registers) registry.registerMetric(this as unknown as Metric);
  }

  /** For the registry, in prom-client's form. Leaves out label values that have no observations. */
  async get() {
    const { name, help, type, aggregator } = this;
    const [label] = this.labelNames;
    const values: Value[] = [];
    for (const [of, { counts, sum }] of Object.entries<Tally>(this.of)) {
      const labels = label === undefined ? {} : { [label]: of };
      let count = 0;
      const rows = counts.map((more, at) => {
        count += more;
        const le = this.#buckets[at] ?? "+Inf";
        return { metricName: `${name}_bucket`, labels: { le, ...labels }, value: count };
      });
      if (count === 0 && label !== undefined) continue;
      values.push(...rows, { metricName: `${name}_sum`, labels, value: sum });
      values.push({ metricName: `${name}_count`, labels, value: count });
    }
    return { name, help, type, aggregator, values };
  }
}
