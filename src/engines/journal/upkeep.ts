/** The journal's work besides its commits: trims, removes, erases, writes indexes. One thing at a time, for ever. */
import type { Logger } from "pino";
import type { Clock } from "../../ports.ts";
import { dedupMs } from "../engine.ts";
import type { Collector } from "./collector.ts";
import type { Eraser } from "./eraser.ts";
import type { SegmentIndex, StoredDedupId } from "./index-file.ts";
import type { Journal } from "./journal.ts";
import type { JournalClock } from "./journal-clock.ts";
import { restoreRows } from "./restore-rows.ts";
import type { Retention } from "./retention.ts";
import { IndexDamaged } from "./run.ts";
import type { Segment } from "./segment.ts";

const lookMs = 1000;

type UpkeepOptions = {
  readonly journal: Journal;
  readonly retention: Retention;
  readonly collector: Collector;
  readonly eraser: Eraser;
  readonly clock: Clock;
  readonly times: JournalClock;
  readonly logger: Logger | undefined;
  /** A segment is closed after this long, so that its lines can be removed together. */
  readonly segmentMsMax: number;
  /** Full segments without an index file. */
  readonly unindexed: readonly Segment[];
  /** Called after each round. */
  readonly looked: () => void;
};

export class Upkeep {
  readonly #options: UpkeepOptions;
  readonly #unindexed: Set<Segment>;
  readonly #stop = new AbortController();
  #wake = new AbortController();
  #running: Promise<void> | undefined;
  #activeSinceMs: number;

  constructor(options: UpkeepOptions) {
    this.#options = options;
    this.#unindexed = new Set(options.unindexed);
    this.#activeSinceMs = options.clock.monotonicMs();
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** A segment is full. */
  sealed(segment: Segment): void {
    this.#activeSinceMs = this.#options.clock.monotonicMs();
    this.#unindexed.add(segment);
    this.soon();
  }

  /** Asks for a round before the next regular one. */
  soon(): void {
    this.#wake.abort();
  }

  /** Stops after the current round, and writes the index of the segment that was being written. */
  async close(): Promise<void> {
    this.#stop.abort();
    this.#wake.abort();
    await this.#running;
    const { active } = this.#options.journal;
    if (active !== undefined && active.commit > 0) this.#unindexed.add(active);
    await this.#writeIndexes();
  }

  async #run(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      this.#wake = new AbortController();
      await this.#once(signal);
      if (signal.aborted) break;
      await clock.sleep(lookMs, this.#wake.signal);
    }
  }

  async #once(signal: AbortSignal): Promise<void> {
    const { journal, retention, collector, eraser, clock, logger, segmentMsMax, times } = this.#options;
    try {
      const nowMs = clock.monotonicMs();
      if (nowMs - this.#activeSinceMs >= segmentMsMax) {
        this.#activeSinceMs = nowMs;
        await journal.rotate();
      }
      retention.trimChannels();
      retention.trimOld(journal.segments, times.age.nowMs());
      retention.trimTotal(journal.segments, journal.active);
      for (const segment of await eraser.erase(signal)) {
        if (segment !== journal.active) this.#unindexed.add(segment);
      }
      await this.#writeIndexes();
      eraser.indexed(this.#unindexed);
      await collector.collect(signal);
      this.#options.looked();
    } catch (err) {
      logger?.error({ err }, "the log's segments could not be tidied; it is tried again");
      if (err instanceof IndexDamaged) await this.#restore(err.segment);
    }
  }

  async #restore(segment: Segment): Promise<void> {
    try {
      await restoreRows(segment);
      this.#unindexed.add(segment);
    } catch (err) {
      this.#options.logger?.error({ err }, "an index could not be made again; it is tried again");
    }
  }

  // A segment whose lines are being erased waits: after a crash, its index would still list lines that were not
  // erased.
  async #writeIndexes(): Promise<void> {
    const { eraser, journal, logger } = this.#options;
    for (const segment of this.#unindexed) {
      if (segment.isRemoved) this.#unindexed.delete(segment);
      if (segment.isRemoved || eraser.awaits(segment)) continue;
      try {
        await segment.writeIndex(this.#indexOf(segment));
        this.#unindexed.delete(segment);
        if (segment !== journal.active) segment.dedupIds = [];
      } catch (err) {
        logger?.warn({ err, segment: segment.number }, "an index could not be written; it is tried again");
        return;
      }
    }
  }

  // The dedup ids that still count.
  #dedupIdsOf({ dedupIds }: Segment): StoredDedupId[] {
    const sinceMs = this.#options.times.ranMs - dedupMs;
    return dedupIds
      .filter(({ channel, atMs }) => atMs > sinceMs && !channel.isDestroyed)
      .map(({ channel, ...rest }) => ({ ...rest, channel: channel.id }));
  }

  #indexOf(segment: Segment): SegmentIndex {
    const ends = [...segment.ends].filter(({ runs, isDestroyed }) => runs.length === 0 && !isDestroyed);
    return {
      segmentBytes: segment.end,
      commit: segment.commit,
      times: segment.times,
      runs: segment.runs,
      ends: ends.flatMap(({ id, incarnation, line, bytes, newest }) =>
        newest === undefined ? [] : [{ channel: id, incarnation, line, bytes, newest }],
      ),
      destroyed: [...segment.destroyed],
      dedupIds: this.#dedupIdsOf(segment),
    };
  }
}
