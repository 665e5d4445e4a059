/**
 * Lag and pace of drains: the server's samples of the last hour, then one for each answer; new samples replace the
 * oldest.
 */
import type { Drain, DrainHistory } from "../api-types.ts";

/** `sent`: lines delivered so far, including repeats; undefined if the server does not say. */
export type Sample = {
  readonly atMs: number;
  readonly lag: number;
  readonly rate: number;
  readonly sent?: number;
};

/** The chart's rate is over this time, the one in words over a minute. */
const chartMs = 15_000;
const minuteMs = 60_000;

export class Samples {
  readonly #max: number;
  readonly #byDrain = new Map<string, Sample[]>();

  constructor(max = 1_200) {
    this.#max = max;
  }

  add(drains: readonly Drain[], atMs: number): void {
    const ids = new Set(drains.map(({ id }) => id));
    for (const id of this.#byDrain.keys()) if (!ids.has(id)) this.#byDrain.delete(id);
    for (const drain of drains) {
      const { id, lag_lines: lag, delivered, replayed } = drain;
      const before = this.of(id);
      const sample = { atMs, lag, sent: delivered + replayed };
      this.#put(id, [...before, { ...sample, rate: rateOf(before, sample, chartMs) ?? drain.rate }]);
    }
  }

  /** Adds what was before the page's own first sample. */
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

/** Lines per second over the last minute, as counted; undefined until the page has counted for some seconds. */
export const lastMinuteOf = (samples: readonly Sample[]): number | undefined =>
  rateOf(samples.slice(0, -1), samples.at(-1), minuteMs);

// The counts of a drain that was recreated start at 0 and give no rate.
function rateOf(
  before: readonly Sample[],
  now: Pick<Sample, "atMs" | "sent"> | undefined,
  spanMs: number,
): number | undefined {
  if (now?.sent === undefined) return undefined;
  const first = before.find(({ atMs, sent }) => sent !== undefined && atMs >= now.atMs - spanMs);
  if (first?.sent === undefined || now.atMs - first.atMs < chartMs / 2 || now.sent < first.sent)
    return undefined;
  return ((now.sent - first.sent) * 1_000) / (now.atMs - first.atMs);
}
