/**
 * Selects the lines of a batch that pass a filter. Cheap filters are answered at once, without a promise. Expressions
 * are run in the pool, once for all who ask the same of the same batch.
 */
import { LRUCache } from "lru-cache";
import { positionIn, type StoredBatch } from "../core/batch/batch.ts";
import {
  type Kept,
  type LineFilter,
  type Preselected,
  Preselection,
  preselect,
} from "../core/filter/line-filter.ts";
import type { ChannelId } from "../core/ids.ts";
import { CompiledPatterns } from "../core/patterns/pattern.ts";
import { costOf, matchHere, type TextWork } from "../core/patterns/pattern-work.ts";
import { turns } from "../turns.ts";
import { MatchJob } from "./jobs.ts";
import type { PatternPool } from "./pool.ts";
import { unlessAborted } from "./unless-aborted.ts";

export type SelectorLimits = {
  /** Work, in instructions times bytes, that is not worth sending to a thread. */
  readonly hereMax: number;
  /** Patterns kept compiled for that. */
  readonly compiledHereMax: number;
  /** Bytes of selections that are remembered. */
  readonly knownBytesMax: number;
};

/** The payer of a selection: the readers of an app, or its drains. */
export type Payer = { readonly channel: ChannelId; readonly as: "reader" | "drain" };

/** The name of a payer's budget. */
export const ownerOf = ({ channel, as }: Payer): string => `${channel} ${as}`;

type Running = { readonly kept: Promise<Kept>; asking: number; drop(): void };

const entryOverheadBytes = 200;

export class Selector {
  readonly #pool: PatternPool;
  readonly #hereMax: number;
  readonly #compiled: CompiledPatterns;
  readonly #known: LRUCache<string, Kept>;
  readonly #running = new Map<string, Running>();

  constructor(pool: PatternPool, limits: SelectorLimits) {
    this.#pool = pool;
    this.#hereMax = limits.hereMax;
    this.#compiled = new CompiledPatterns(limits.compiledHereMax);
    this.#known = new LRUCache({
      maxSize: limits.knownBytesMax,
      sizeCalculation: (kept, key) => kept.length + 2 * key.length + entryOverheadBytes,
    });
  }

  /** True while the payer's budget is used up, so that its jobs wait. */
  isSpent(payer: Payer): boolean {
    return this.#pool.isSpent(ownerOf(payer));
  }

  /** Charges the payer for work that was done for it elsewhere. */
  spend(payer: Payer, ms: number): void {
    this.#pool.spend(ownerOf(payer), ms);
  }

  /** Tells for each line whether the filter keeps it. The promise resolves to undefined when `signal` is aborted. */
  select(
    payer: Payer,
    batch: StoredBatch,
    filter: LineFilter,
    signal: AbortSignal,
  ): Kept | Promise<Kept | undefined> {
    if (filter.expressions.length === 0 && !filter.isSlow) return preselect(batch, filter).kept;
    const key = keyOf(payer.channel, batch, filter);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    // A selection waits for the budget of the payer who asked for it, so it is not shared with the other payer.
    const asked = `${payer.as} ${key}`;
    const running = this.#running.get(asked);
    if (running !== undefined) return this.#wait(asked, running, signal);
    if (filter.isSlow) return this.#inTurns(payer, batch, filter, signal);
    return this.#match(payer, key, preselect(batch, filter), signal);
  }

  // Reads the lines in turns; the time is charged to the payer.
  async #inTurns(
    payer: Payer,
    batch: StoredBatch,
    filter: LineFilter,
    signal: AbortSignal,
  ): Promise<Kept | undefined> {
    const preselection = new Preselection(batch, filter);
    for (;;) {
      const startMs = performance.now();
      const preselected = preselection.go(() => turns.isOver);
      this.spend(payer, performance.now() - startMs);
      if (preselected !== undefined)
        return this.#match(payer, keyOf(payer.channel, batch, filter), preselected, signal);
      await turns.next(payer.channel);
      if (signal.aborted) return undefined;
    }
  }

  #match(
    payer: Payer,
    key: string,
    { kept, work }: Preselected,
    signal: AbortSignal,
  ): Kept | Promise<Kept | undefined> {
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    if (work === undefined || this.#matchHere(payer, work, kept)) {
      this.#known.set(key, kept);
      return kept;
    }
    const asked = `${payer.as} ${key}`;
    // Others may have asked the same while the lines were read in turns.
    const running =
      this.#running.get(asked) ?? this.#run(asked, key, new MatchJob(ownerOf(payer), work, kept));
    return this.#wait(asked, running, signal);
  }

  // Selects here and now; false when that would be too much work.
  #matchHere(payer: Payer, work: TextWork, kept: Kept): boolean {
    if (costOf(work) > this.#hereMax || turns.isOver || this.isSpent(payer)) return false;
    const startMs = performance.now();
    matchHere(work, this.#compiled, kept);
    this.#pool.spend(ownerOf(payer), performance.now() - startMs);
    return true;
  }

  #run(asked: string, key: string, job: MatchJob): Running {
    const { done, drop } = this.#pool.run(job);
    const kept = done.then(() => {
      if (this.#running.get(asked) === running) {
        this.#running.delete(asked);
        this.#known.set(key, job.kept);
      }
      return job.kept;
    });
    const running: Running = { kept, asking: 0, drop };
    this.#running.set(asked, running);
    return running;
  }

  // Drops a selection that nobody waits for any more.
  async #wait(asked: string, running: Running, signal: AbortSignal): Promise<Kept | undefined> {
    running.asking++;
    const kept = await unlessAborted(running.kept, signal);
    running.asking--;
    if (kept === undefined && running.asking === 0 && this.#running.get(asked) === running) {
      this.#running.delete(asked);
      running.drop();
    }
    return kept;
  }
}

// A position names the log and marks the batch, so equal positions mean the same lines.
const keyOf = (channel: ChannelId, batch: StoredBatch, { key }: LineFilter): string =>
  `${channel} ${positionIn(batch, 0)} ${key}`;
