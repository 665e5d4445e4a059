/** Starts, restarts and stops workers, by watching the records: wanted drains − running drains. */
import type { Logger } from "pino";
import { compileFilter, type LineFilter } from "../core/filter/line-filter.ts";
import { fnv1a } from "../core/hash.ts";
import type { DrainId } from "../core/ids.ts";
import { drainKey, nameIn, recordPrefixes } from "../core/records/record-keys.ts";
import { Semaphore } from "../core/scheduling/semaphore.ts";
import { drainWorkers } from "../metrics.ts";
import type { Clock } from "../ports.ts";
import type { DrainRecord } from "../registry/records.ts";
import type { RunningDrain } from "./census.ts";
import { Change } from "./change.ts";
import { boundsOf } from "./destination.ts";
import { DrainStates } from "./drain-states.ts";
import type { HeapGrowth } from "./heap-growth.ts";
import { watchLasting } from "./lasting-watch.ts";
import type { DrainNotices } from "./notices.ts";
import { CheckpointSheets } from "./worker/checkpoint/checkpoint-sheets.ts";
import { DrainWorker, type WorkerParts } from "./worker/worker.ts";

export type SupervisorOptions = Omit<WorkerParts, "logger" | "sheets"> & {
  readonly logger: Pick<Logger, "error" | "warn">;
  readonly notices: Pick<DrainNotices, "forget">;
  /** Told of each drain that begins and ends to run; absent: nobody minds. */
  readonly heap?: Pick<HeapGrowth, "add" | "remove">;
  /** Workers that read their state at the same time, so that a start with many drains is not a stampede. */
  readonly startsMax: number;
  /** The wait before a worker that failed is started again. */
  readonly restartMs: number;
  /** The time that a delivery under way gets when its drain is paused or changed, or the server stops. */
  readonly closeMsMax: number;
  /** Absent: this process runs every drain. Otherwise only those of the shards that it is told to `run`. */
  readonly shards?: number;
};

/** The time that a delivery under way gets when its drain moves to another node. */
const moveMsMax = 3_000;

/** A wanted drain. `change` happens when the record or its owner changes in a way that matters to the worker. */
type Assignment = {
  readonly shard: number;
  wanted: DrainRecord | undefined;
  change: Change;
  worker: DrainWorker | undefined;
  running: Promise<void> | undefined;
};

type ShardParts = WorkerParts & { readonly sheets?: CheckpointSheets };

/** Runs the drains in the Store that belong to this process, have a URL and are not paused. */
export class DrainSupervisor {
  readonly #options: SupervisorOptions;
  readonly #assignments = new Map<string, Assignment>();
  readonly #running = new Set<Promise<void>>();
  readonly #closing = new AbortController();
  /** The shards of this process, and what their workers need. */
  readonly #mine = new Map<number, ShardParts>();
  readonly #starts: Semaphore;
  readonly #states: DrainStates;
  #watching: Promise<void> = Promise.resolve();
  #closed: Promise<void> | undefined;

  private constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#starts = new Semaphore(options.startsMax);
    this.#states = new DrainStates(options);
    if (options.shards === undefined) this.#mine.set(0, options);
  }

  /** Resolves when every stored drain is known; their workers start in turn. Rejects when the Store cannot be read. */
  static async open(options: SupervisorOptions): Promise<DrainSupervisor> {
    const supervisor = new DrainSupervisor(options);
    try {
      await new Promise<void>((resolve, reject) => {
        supervisor.#watching = supervisor.#watch(resolve).then(resolve, reject);
      });
    } catch (failure) {
      await supervisor.close();
      throw failure;
    }
    return supervisor;
  }

  /**
   * Runs the drains of one shard, under `lease`, until `signal` is aborted; resolves when all of its workers have
   * ended.
   */
  async run(shard: number, signal: AbortSignal, lease: number): Promise<void> {
    const sheets = this.#sheetsOf(shard, lease);
    this.#mine.set(shard, { ...this.#options, sheets });
    const over = AbortSignal.any([signal, this.#closing.signal]);
    const sweeping = this.#sweep(sheets, over);
    for (const [id, assignment] of this.#assignments)
      if (assignment.shard === shard) this.#start(id, assignment);
    await aborted(over);
    this.#mine.delete(shard);
    const ending: (Promise<void> | undefined)[] = [];
    for (const assignment of this.#assignments.values()) {
      if (assignment.shard !== shard) continue;
      assignment.change.make();
      ending.push(assignment.running);
    }
    await Promise.all(ending);
    await sweeping;
    await sheets.close();
  }

  #sheetsOf(shard: number, lease: number): CheckpointSheets {
    const { limits, ...options } = this.#options;
    return new CheckpointSheets({ ...options, commitMsMax: limits.commitMsMax, shard, lease });
  }

  async #sweep(sheets: CheckpointSheets, signal: AbortSignal): Promise<void> {
    try {
      await sheets.sweep((id) => this.#assignments.has(id), signal);
    } catch (err) {
      this.#options.logger.error({ err }, "the states of removed drains could not be removed");
    }
  }

  /** Drains that have a worker now. */
  *running(): Iterable<RunningDrain> {
    for (const [id, { worker, wanted }] of this.#assignments)
      if (worker !== undefined && wanted !== undefined)
        yield { id, channel: wanted.channel, checkpoint: worker.checkpoint, isIdle: worker.isIdle };
  }

  /** Idempotent. Ends every worker: deliveries under way may finish, cursors are saved. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#closing.abort();
    for (const { change } of this.#assignments.values()) change.make();
    await Promise.all(this.#running);
    await this.#watching;
  }

  // Once ready, a watch that breaks is restarted; drains carry on in the meantime.
  #watch(ready: () => void): Promise<void> {
    const { store, logger, clock, restartMs } = this.#options;
    const { signal } = this.#closing;
    let isReady = false;
    return watchLasting<DrainRecord>({
      store,
      clock,
      prefix: recordPrefixes.drain,
      restartMs,
      signal,
      // A worker whose record became unusable carries on, but is not started again.
      onChange: ({ key, value, isUnreadable }) => {
        if (!isUnreadable) this.#take(nameIn("drain", key), value);
      },
      onListed: (keys) => {
        for (const id of this.#assignments.keys())
          if (!keys.has(drainKey(id as DrainId))) this.#take(id, undefined);
        if (!isReady) this.#keep(this.#states.forgetOrphans((id) => this.#assignments.has(id), signal));
        isReady = true;
        ready();
      },
      onFailure: (err) => {
        if (!isReady) throw err;
        logger.error({ err }, "watching the drains failed; it is begun again");
      },
    });
  }

  #take(id: string, wanted: DrainRecord | undefined): void {
    const known = this.#assignments.get(id);
    if (known === undefined && wanted === undefined) return;
    const assignment = known ?? this.#assign(id, wanted!);
    const isSame = workKey(assignment.wanted) === workKey(wanted);
    assignment.wanted = wanted;
    if (!isSame) assignment.change.make();
    else if (wanted?.replay !== undefined) assignment.worker?.replay(wanted.replay);
    this.#start(id, assignment);
    if (assignment.running === undefined && wanted === undefined) this.#assignments.delete(id);
  }

  #assign(id: string, { channel }: DrainRecord): Assignment {
    const shard = fnv1a(channel) % (this.#options.shards ?? 1);
    const assignment = {
      shard,
      wanted: undefined,
      change: new Change(),
      worker: undefined,
      running: undefined,
    };
    this.#assignments.set(id, assignment);
    return assignment;
  }

  #start(id: string, assignment: Assignment): void {
    if (assignment.running !== undefined || !this.#mine.has(assignment.shard)) return;
    const running = this.#run(id, assignment).finally(() => {
      assignment.running = undefined;
      this.#running.delete(running);
      // Its owner may have changed it back while it ended.
      if (this.#assignments.get(id) === assignment && !this.#closing.signal.aborted)
        this.#start(id, assignment);
    });
    assignment.running = running;
    this.#running.add(running);
  }

  // Runs one drain for as long as it is wanted and belongs to this process.
  async #run(id: string, assignment: Assignment): Promise<void> {
    while (!this.#closing.signal.aborted && this.#mine.has(assignment.shard)) {
      assignment.change = new Change();
      const { wanted } = assignment;
      if (wanted === undefined) {
        this.#assignments.delete(id);
        this.#options.notices.forget(id);
        await this.#mine.get(assignment.shard)?.sheets?.forget(id);
        return this.#states.forget(id);
      }
      if (wanted.url === undefined || wanted.paused) await assignment.change.made;
      else await this.#work(wanted, assignment);
    }
  }

  // Runs one worker until its record changes.
  async #work(drain: DrainRecord, assignment: Assignment): Promise<void> {
    const { logger, clock, restartMs, heap } = this.#options;
    const { change } = assignment;
    try {
      const parts = this.#mine.get(assignment.shard);
      const worker = await this.#starts.run(async () =>
        change.isMade || parts === undefined
          ? undefined
          : await DrainWorker.open(drain, filterOf(drain), parts),
      );
      if (worker === undefined) return;
      drainWorkers.inc();
      heap?.add();
      assignment.worker = worker;
      const { replay } = assignment.wanted ?? {};
      if (replay !== undefined) worker.replay(replay); // it may have been requested while the worker opened
      await Promise.race([worker.ended, change.made]);
      if (!change.isMade) {
        logger.warn({ drain: drain.id }, "somebody else runs this drain: it is left to them");
        if (this.#options.shards === undefined) await change.made;
        else await sleepUnless(change, clock, restartMs); // whoever has the shard has the drain
      }
    } catch (err) {
      logger.error({ err, drain: drain.id }, "a drain's worker broke; it is started again");
      await sleepUnless(change, clock, restartMs);
    } finally {
      const { worker } = assignment;
      if (worker !== undefined) {
        await worker.stop(assignment.wanted === undefined ? 0 : this.#graceMs(assignment.shard));
        assignment.worker = undefined;
        drainWorkers.dec();
        heap?.remove();
      }
    }
  }

  // Whoever runs the shard next waits for this; anything it sends again has the same parcel id.
  #graceMs(shard: number): number {
    const { closeMsMax } = this.#options;
    return this.#mine.has(shard) || this.#closing.signal.aborted
      ? closeMsMax
      : Math.min(closeMsMax, moveMsMax);
  }

  #keep(work: Promise<void>): void {
    const kept = work.finally(() => this.#running.delete(kept));
    this.#running.add(kept);
  }
}

// The fields that a worker is made from: a change to any other does not stop it. It is told about replays.
function workKey(drain: DrainRecord | undefined): string | undefined {
  if (drain === undefined) return undefined;
  const { updatedAt: _, number: __, replay: ___, ...rest } = drain;
  return JSON.stringify(Object.entries(rest).sort(([a], [b]) => (a < b ? -1 : 1)));
}

// The registry compiled it before storing it.
function filterOf(drain: DrainRecord): LineFilter | undefined {
  const compiled = compileFilter(drain.filter ?? {}, { keepsBlanks: boundsOf(drain).takesBlanks !== false });
  if (compiled.kind === "bad")
    throw new Error(`the stored filter is bad: ${compiled.field} ${compiled.reason}`);
  return compiled.filter;
}

async function sleepUnless(change: Change, clock: Clock, ms: number): Promise<void> {
  const ending = new AbortController();
  void change.made.then(() => ending.abort());
  await clock.sleep(ms, ending.signal);
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
