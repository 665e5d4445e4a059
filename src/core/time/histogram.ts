/**
 * Counts lines over time by grade, in steps that grow with the time span, so that memory stays the same however much is
 * read. Pure.
 */
import { type Grade, grades } from "../message/level.ts";
import type { Position } from "../position.ts";

/** The extent of a bin's lines in the log: from the place before the first to the number after the last. */
export type BinExtent = { readonly position: Position; readonly firstLine: number; readonly endLine: number };
export type Counts = Readonly<Record<Grade, number>>;
/** `extent` is undefined if it is not known where the lines are. */
export type Bin = {
  readonly startMs: number;
  readonly counts: Counts;
  readonly extent?: BinExtent | undefined;
};

type Kept = { counts: Record<Grade, number>; extent: BinExtent | undefined };

type HistogramBounds = {
  readonly binsMax: number;
  /**
   * The steps suit this span, and bins that lie further than this before the newest are dropped; undefined: steps grow.
   */
  readonly spanMs?: number | undefined;
  /** The shortest step. */
  readonly stepMsMin?: number;
};

const dayMs = 86_400_000;
const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 43200, 86400].map(
  (s) => s * 1000,
);

/** The shortest step in whole seconds, minutes or hours that is at least `ms`. */
const stepOver = (ms: number): number => steps.find((step) => step >= ms) ?? Math.ceil(ms / dayMs) * dayMs;

export class Histogram {
  readonly #binsMax: number;
  readonly #spanMs: number | undefined;
  readonly #stepMsMin: number;
  #stepMs: number;
  readonly #bins = new Map<number, Kept>();

  constructor({ binsMax, spanMs, stepMsMin = steps[0]! }: HistogramBounds = { binsMax: 120 }) {
    this.#binsMax = binsMax;
    this.#spanMs = spanMs;
    this.#stepMsMin =
      spanMs === undefined ? stepMsMin : Math.max(stepMsMin, stepOver(spanMs / (binsMax - 1)));
    this.#stepMs = this.#stepMsMin;
  }

  get stepMs(): number {
    return this.#stepMs;
  }

  /** Counts lines at a time; `extent` is that of these lines, if known. */
  add(timeMs: number, grade: Grade, count = 1, extent?: BinExtent): void {
    if (!Number.isFinite(timeMs)) return;
    const bin = this.#bins.get(this.#startOf(timeMs)) ?? this.#open(timeMs);
    bin.counts[grade] += count;
    if (extent !== undefined) bin.extent = joined(bin.extent, extent);
  }

  /** Every step from the first to the last, including empty ones. */
  bins(): Bin[] {
    const [first, last] = this.#span();
    const bins: Bin[] = [];
    for (let at = first; at <= last; at += this.#stepMs) {
      const { counts, extent } = this.#bins.get(at) ?? none();
      bins.push({ startMs: at, counts, extent });
    }
    return bins;
  }

  /** Lines before this number are gone: bins that hold only such lines are removed. */
  dropBefore(line: number): void {
    for (const [at, { extent }] of this.#bins)
      if (extent !== undefined && extent.endLine <= line) this.#bins.delete(at);
  }

  clear(): void {
    this.#bins.clear();
    this.#stepMs = this.#stepMsMin;
  }

  #startOf(timeMs: number): number {
    return Math.floor(timeMs / this.#stepMs) * this.#stepMs;
  }

  // Steps need not be multiples of each other, so the bin is found by the final step.
  #open(timeMs: number): Kept {
    const [first, last] = this.#span();
    const start = this.#startOf(timeMs);
    if (this.#spanMs === undefined) {
      const needed = (Math.max(last, start) - Math.min(first, start)) / (this.#binsMax - 1);
      if (this.#stepMs < needed) this.#widen(stepOver(needed));
    }
    const at = this.#startOf(timeMs);
    const bin = this.#bins.get(at) ?? none();
    this.#bins.set(at, bin);
    if (this.#spanMs !== undefined) this.#dropOlder(Math.max(last, start) - this.#spanMs);
    return bin; // one that is too old is counted, but shown to nobody
  }

  #dropOlder(endMs: number): void {
    for (const at of this.#bins.keys()) if (at + this.#stepMs <= endMs) this.#bins.delete(at);
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

  #widen(stepMs: number): void {
    this.#stepMs = stepMs;
    const old = [...this.#bins];
    this.#bins.clear();
    for (const [at, { counts, extent }] of old) {
      const to = this.#startOf(at);
      const sum = this.#bins.get(to) ?? none();
      for (const grade of grades) sum.counts[grade] += counts[grade];
      if (extent !== undefined) sum.extent = joined(sum.extent, extent);
      this.#bins.set(to, sum);
    }
  }
}

const none = (): Kept => ({ counts: { error: 0, warn: 0, info: 0, debug: 0 }, extent: undefined });

function joined(one: BinExtent | undefined, other: BinExtent): BinExtent {
  if (one === undefined) return other;
  if (other.firstLine >= one.firstLine && other.endLine <= one.endLine) return one;
  const first = other.firstLine < one.firstLine ? other : one;
  return {
    position: first.position,
    firstLine: first.firstLine,
    endLine: Math.max(one.endLine, other.endLine),
  };
}
