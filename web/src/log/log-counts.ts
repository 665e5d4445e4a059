/**
 * Counts of all kept lines over time: what the server counted, and the lines that the list has received since. Until
 * the server has answered, only the latter.
 */

import { grades } from "../../../src/core/message/level.ts";
import { type BinExtent, type Counts, Histogram } from "../../../src/core/time/histogram.ts";
import type { LogHistogram } from "../api-types.ts";
import type { Line } from "./line.ts";
import { isMark, type LineRing } from "./line-ring.ts";

const binsMax = 120;
/** A line whose clock is off by more than this counts for now, as the server counts it for its acceptance. */
const offMsMax = 86_400_000;

export type CountedBin = {
  readonly startMs: number;
  readonly counts: Counts;
  readonly extent?: BinExtent | undefined;
};

let changes = 0;

export class LogCounts {
  #histogram: LogHistogram | undefined;
  #spanMs: number | undefined;
  readonly #live = new Histogram({ binsMax });
  readonly #nowMs: () => number;
  /** The range of line numbers in `#live`. */
  #counted: readonly [from: number, to: number] | undefined;
  /** Changes after every change, in any list. */
  version = ++changes;

  constructor(nowMs: () => number = Date.now) {
    this.#nowMs = nowMs;
  }

  /** Lines that are read again after a jump are counted once. */
  add({ number, timeMs, level }: Line): void {
    if (number === undefined || number < (this.#histogram?.end_line ?? 0)) return;
    const [from, to] = this.#counted ?? [number + 1, number];
    if (number >= from && number <= to) return;
    this.#counted = [Math.min(from, number), Math.max(to, number)];
    const nowMs = this.#nowMs();
    this.#live.add(Math.abs(timeMs - nowMs) > offMsMax ? nowMs : timeMs, level);
    this.version = ++changes;
  }

  /** Takes the server's counts, for the last `spanMs` or for all; `ring` has what came since. */
  tell(histogram: LogHistogram, spanMs: number | undefined, ring: LineRing): void {
    this.clear();
    this.#histogram = histogram;
    this.#spanMs = spanMs;
    for (let n = 0; n < ring.count; n++) {
      const entry = ring.at(n)!;
      if (!isMark(entry)) this.add(entry);
    }
    this.version = ++changes;
  }

  clear(): void {
    this.#histogram = undefined;
    this.#live.clear();
    this.#counted = undefined;
    this.version = ++changes;
  }

  /** True once the server has sent counts. */
  get hasHistogram(): boolean {
    return this.#histogram !== undefined;
  }

  /** True while older lines are still being counted. */
  get isGrowing(): boolean {
    return this.#histogram?.complete === false;
  }

  bins(): { readonly stepMs: number; readonly bins: readonly CountedBin[] } {
    const bins = this.#histogram?.bins ?? [];
    const all = new Histogram({
      binsMax,
      spanMs: this.#spanMs,
      stepMsMin: 1_000 * (this.#histogram?.step_seconds ?? 1),
    });
    for (const bin of bins) {
      const extent: BinExtent = {
        position: bin.position as BinExtent["position"],
        firstLine: bin.first_line,
        endLine: bin.end_line,
      };
      for (const grade of grades) if (bin[grade] > 0) all.add(Date.parse(bin.at), grade, bin[grade], extent);
    }
    for (const { startMs, counts } of this.#live.bins())
      for (const grade of grades) if (counts[grade] > 0) all.add(startMs, grade, counts[grade]);
    return { stepMs: all.stepMs, bins: all.bins() };
  }
}
