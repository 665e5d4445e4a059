/**
 * Counts the lines of a log over time in several runs: first the lines that have come since the last run, then older
 * ones, back to the oldest that is kept. It remembers counts and two positions, but no lines.
 */
import { endOf, positionIn, type StoredBatch } from "../core/batch/batch.ts";
import { cursorOver } from "../core/batch/line-index.ts";
import type { LineFilter } from "../core/filter/line-filter.ts";
import { levelAt, timeMsAt } from "../core/filter/line-level.ts";
import type { ChannelId } from "../core/ids.ts";
import { gradeOf } from "../core/message/level.ts";
import { origin } from "../core/position.ts";
import type { Histogram } from "../core/time/histogram.ts";
import type { Selector } from "../patterns/selector.ts";
import type { ChannelEnd, ChannelLog, Clock } from "../ports.ts";
import { turns } from "../turns.ts";
import { batchesFrom } from "./batches-from.ts";
import type { HistogramCounts } from "./histograms.ts";
import type { Recent } from "./recent.ts";
import type { SeenProcesses } from "./seen-processes.ts";

export type CountParts = {
  readonly log: ChannelLog;
  readonly recent: Recent;
  readonly clock: Clock;
  readonly selector: Selector;
};

export type CountWanted = {
  readonly channel: ChannelId;
  readonly filter: LineFilter | undefined;
  /** The span back from now, in ms; undefined: everything that is kept. */
  readonly spanMs: number | undefined;
};

/** Lines that are read at a time when going back; a larger batch is read whole. */
const stepLines = 4_000;
const stepBytesMax = 1024 * 1024;
/** Lines between two looks at the clock. */
const linesBetween = 32;

export class Count {
  readonly #parts: CountParts;
  readonly #wanted: CountWanted;
  readonly #histogram: Histogram;
  readonly #processes: SeenProcesses;
  /** Lines before this place are counted, back to `#firstLine`; undefined: none are. */
  #end: ChannelEnd | undefined;
  #firstLine = 0;
  #isWhole = false;

  constructor(parts: CountParts, wanted: CountWanted, histogram: Histogram, processes: SeenProcesses) {
    this.#processes = processes;
    this.#parts = parts;
    this.#wanted = wanted;
    this.#histogram = histogram;
  }

  counts(nowMs: number): HistogramCounts {
    const { spanMs } = this.#wanted;
    const { stepMs } = this.#histogram;
    const fromMs = spanMs === undefined ? Number.NEGATIVE_INFINITY : nowMs - spanMs - stepMs;
    return {
      stepMs,
      bins: this.#histogram.bins().filter(({ startMs }) => startMs > fromMs),
      firstLine: this.#firstLine,
      endLine: this.#end?.line ?? 0,
      position: this.#end?.position ?? origin,
      isWhole: this.#isWhole,
      processes: this.#processes.names(),
    };
  }

  /** Counts until everything is counted, or `over` is aborted. */
  async goOn(over: AbortSignal): Promise<void> {
    const { recent } = this.#parts;
    const { channel } = this.#wanted;
    const { end } = await recent.read(channel);
    // A log that is shorter than what was counted is another log.
    if (this.#end === undefined || end.line < this.#end.line) this.#begin(end);
    await this.#forward(end, over);
    await this.#dropTrimmed(over);
    // Each run makes progress by at least one batch.
    while (!this.#isWhole) {
      await this.#back(over);
      if (over.aborted) return;
    }
  }

  #begin(end: ChannelEnd): void {
    this.#histogram.clear();
    this.#processes.clear();
    this.#end = end;
    this.#firstLine = end.line;
    this.#isWhole = false;
  }

  // Counts the lines that have come since the last run.
  async #forward(end: ChannelEnd, over: AbortSignal): Promise<void> {
    if (this.#end!.line >= end.line || over.aborted) return;
    const read = new AbortController();
    const from = { kind: "after", position: this.#end!.position } as const;
    const signal = AbortSignal.any([over, read.signal]);
    try {
      for await (const batch of batchesFrom(this.#parts, this.#wanted.channel, from, signal)) {
        if (batch === "foreign") return this.#begin(end);
        const first = Math.max(batch.line, this.#end!.line);
        if (!(await this.#take(batch, first, batch.line + batch.count, over))) return;
        this.#end = { position: endOf(batch), line: batch.line + batch.count };
        if (this.#end.line >= end.line) return;
      }
    } finally {
      read.abort();
    }
  }

  async #back(over: AbortSignal): Promise<void> {
    const { log, recent } = this.#parts;
    const { channel } = this.#wanted;
    const before = this.#firstLine;
    const kept = recent.holding(channel, before - 1);
    const within = { endLine: before, bytesMax: stepBytesMax };
    const batches = kept ? [kept] : [...(await log.recent(channel, stepLines, within)).batches];
    this.#isWhole = batches.length === 0;
    for (let batch = batches.pop(); batch !== undefined; batch = batches.pop()) {
      this.#isWhole = batch.acceptedAtMs < this.#acceptedMsMin || batch.line >= this.#firstLine;
      if (this.#isWhole || !(await this.#take(batch, batch.line, this.#firstLine, over))) return;
      this.#firstLine = batch.line;
      if (over.aborted) return;
    }
  }

  get #acceptedMsMin(): number {
    const { recent, clock } = this.#parts;
    const { spanMs } = this.#wanted;
    return spanMs === undefined
      ? recent.acceptedMsMin
      : Math.max(recent.acceptedMsMin, clock.nowMs() - spanMs);
  }

  // Removes the bins of lines that were trimmed, as the oldest batch shows.
  async #dropTrimmed(over: AbortSignal): Promise<void> {
    if (this.#firstLine >= this.#end!.line) return;
    const newest = await this.#parts.log.recent(this.#wanted.channel, 1);
    if (newest.batches.length === 0) return this.#begin(newest.end);
    const read = new AbortController();
    const from = { kind: "after", position: origin } as const;
    const signal = AbortSignal.any([over, read.signal]);
    try {
      for await (const batch of this.#parts.log.follow(this.#wanted.channel, from, signal, "present")) {
        if (batch === "foreign") continue;
        this.#histogram.dropBefore(batch.line);
        this.#processes.dropBefore(batch.line);
        this.#firstLine = Math.max(this.#firstLine, batch.line);
        return;
      }
    } finally {
      read.abort();
    }
  }

  // Counts the lines of a batch from `first` to `end`; false when this was aborted, and none of them is counted.
  async #take(batch: StoredBatch, first: number, end: number, over: AbortSignal): Promise<boolean> {
    const { selector } = this.#parts;
    const { channel, filter } = this.#wanted;
    const payer = { channel, as: "reader" } as const;
    const selecting = filter && selector.select(payer, batch, filter, over);
    const kept = selecting instanceof Promise ? await selecting : selecting;
    if (filter !== undefined && kept === undefined) return false;
    const extent = {
      position: positionIn(batch, 0),
      firstLine: batch.line,
      endLine: batch.line + batch.count,
    };
    const cursor = cursorOver(batch);
    for (let n = 0; n < batch.count && cursor.next(); n++) {
      const line = batch.line + n;
      if (line < first || line >= end || kept?.[n] === 0) continue;
      this.#processes.add(cursor, line);
      this.#histogram.add(timeMsAt(cursor, batch.acceptedAtMs), gradeOf(levelAt(cursor)), 1, extent);
      if (n % linesBetween === 0 && turns.isOver) await turns.next(channel);
    }
    return true;
  }
}
