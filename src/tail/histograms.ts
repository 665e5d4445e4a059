/**
 * The number of lines of each grade over time, for everything that is kept of a log. Counts are remembered, so the
 * next request only pays for the lines that have come since. An answer counts for a bounded time, newest lines first,
 * and says how far it got.
 */
import { LRUCache } from "lru-cache";
import { compileFilter, type FilterSpec } from "../core/filter/line-filter.ts";
import type { ChannelId } from "../core/ids.ts";
import type { Position } from "../core/position.ts";
import { type Bin, Histogram } from "../core/time/histogram.ts";
import { Count, type CountParts, type CountWanted } from "./line-count.ts";
import { Searches } from "./searches.ts";
import { SeenProcesses } from "./seen-processes.ts";

export type HistogramLimits = {
  /** Histograms that are remembered, for all apps, filters and spans. */
  readonly entriesMax: number;
  readonly binsMax: number;
  /** Names of processes that are remembered for each. */
  readonly processesMax: number;
  /** The time for which one answer counts lines. */
  readonly countMsMax: number;
  /** Answers that are being counted at a time; at most one per app. */
  readonly atOnceMax: number;
};

export type HistogramCounts = {
  readonly stepMs: number;
  readonly bins: readonly Bin[];
  /** The number of the oldest line that was counted. */
  readonly firstLine: number;
  /** Everything before this line and place was counted. */
  readonly endLine: number;
  readonly position: Position;
  /** True when nothing older is kept, or belongs to the span. */
  readonly isWhole: boolean;
  /** Processes that wrote any of these lines; if there are too many, those that wrote last. */
  readonly processes: readonly string[];
};

type Entry = { readonly count: Count; running: Promise<void> | undefined };

export class Histograms {
  readonly #parts: CountParts;
  readonly #limits: HistogramLimits;
  readonly #entries: LRUCache<string, Entry>;
  readonly #places: Searches;

  constructor(parts: CountParts, limits: HistogramLimits) {
    this.#parts = parts;
    this.#limits = limits;
    this.#entries = new LRUCache({ max: limits.entriesMax });
    this.#places = new Searches({ searchesMax: limits.atOnceMax, searchesPerAppMax: 1 });
  }

  /**
   * The lines of the last `spanMs`, or of everything that is kept, that pass `spec`, as far as they could be counted
   * in time. Simultaneous requests for the same share the work.
   */
  async read(channel: ChannelId, spec: FilterSpec, spanMs: number | undefined): Promise<HistogramCounts> {
    const compiled = compileFilter(spec);
    if (compiled.kind === "bad") throw new Error(`a filter that was checked is bad: ${compiled.reason}`);
    const { filter } = compiled;
    const key = JSON.stringify([channel, filter?.key ?? "", spanMs ?? 0]);
    const entry = this.#entries.get(key) ?? this.#open(key, { channel, filter, spanMs });
    entry.running ??= this.#goOn(entry, channel).finally(() => {
      entry.running = undefined;
    });
    await entry.running;
    return entry.count.counts(this.#parts.clock.nowMs());
  }

  #open(key: string, wanted: CountWanted): Entry {
    const { binsMax, processesMax } = this.#limits;
    const histogram = new Histogram({ binsMax, spanMs: wanted.spanMs });
    const count = new Count(this.#parts, wanted, histogram, new SeenProcesses(processesMax));
    const entry: Entry = { count, running: undefined };
    this.#entries.set(key, entry);
    return entry;
  }

  async #goOn({ count }: Entry, channel: ChannelId): Promise<void> {
    const over = AbortSignal.timeout(this.#limits.countMsMax);
    const leave = await this.#places.enter(channel, over);
    try {
      await count.goOn(over);
    } finally {
      leave?.();
    }
  }
}
