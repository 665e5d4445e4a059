/** Wanted drains − running drains: watches the records and starts, restarts and stops workers. */
import type { Logger } from "pino";
import { fnv1a } from "../core/hash.ts";
import { compileFilter, type LineFilter } from "../core/line-filter.ts";
import { drainWorkers } from "../metrics.ts";
import type { DrainRecord } from "../registry/records.ts";
import { boundsOf } from "./destination.ts";
import type { DrainNotices } from "./notices.ts";
import { stateKey } from "./state-keeper.ts";
import { DrainWorker, type WorkerParts } from "./worker.ts";

export type SupervisorOptions = Omit<WorkerParts, "logger" | "lease"> & {
  readonly logger: Pick<Logger, "error" | "warn">;
  readonly notices: Pick<DrainNotices, "forget">;
  /** Workers that read their state at the same time, so that a start with many drains is no stampede. */
  readonly startsMax: number;
  /** Until a worker that broke is started again. */
  readonly restartMs: number;
  /** For a delivery under way when its drain is paused or changed, or the server stops. */
  readonly closeMsMax: number;
  /** Absent: every drain is this process's. Else those of the shards that it is told to `run`. */
  readonly shards?: number;
};

/** For a delivery under way when its drain goes to another node. */
const moveMsMax = 3_000;

/** A drain as it is wanted. `change` is aborted when that, or whose it is, changed in what matters to its worker. */
type Charge = {
  readonly shard: number;
  wanted: DrainRecord | undefined;
  change: AbortController;
  running: Promise<void> | undefined;
};

/** Runs the drains of the Store that are this process's, have a URL and are not paused. */
export class DrainSupervisor {
  readonly #options: SupervisorOptions;
  readonly #charges = new Map<string, Charge>();
  readonly #running = new Set<Promise<void>>();
  readonly #closing = new AbortController();
  /** Shards that are this process's, and what their workers are made of. */
  readonly #mine = new Map<number, WorkerParts>();
  readonly #starts: Turnstile;
  #watching: Promise<void> = Promise.resolve();
  #closed: Promise<void> | undefined;

  private constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#starts = new Turnstile(options.startsMax);
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

  /** Runs the drains of one shard, under `lease`, until `signal` is aborted; resolves when none of its workers goes on. */
  async run(shard: number, signal: AbortSignal, lease: number): Promise<void> {
    this.#mine.set(shard, { ...this.#options, lease });
    for (const [id, charge] of this.#charges) if (charge.shard === shard) this.#start(id, charge);
    await aborted(AbortSignal.any([signal, this.#closing.signal]));
    this.#mine.delete(shard);
    const ending: (Promise<void> | undefined)[] = [];
    for (const charge of this.#charges.values()) {
      if (charge.shard !== shard) continue;
      charge.change.abort();
      ending.push(charge.running);
    }
    await Promise.all(ending);
  }

  /** Idempotent. Ends every worker: deliveries under way may finish, cursors are committed. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#closing.abort();
    for (const { change } of this.#charges.values()) change.abort();
    await Promise.all(this.#running);
    await this.#watching;
  }

  // Once it was ready, a watch that breaks is begun again: drains go on, and what changed meanwhile is seen then.
  async #watch(ready: () => void): Promise<void> {
    const { store, logger, clock, restartMs } = this.#options;
    const { signal } = this.#closing;
    for (let isReady = false; !signal.aborted; ) {
      let listed: Set<string> | undefined = new Set();
      try {
        for await (const change of store.watch<DrainRecord>("drain/", signal)) {
          if (change !== "ready") {
            const id = change.key.slice("drain/".length);
            listed?.add(id);
            this.#take(id, change.value);
            continue;
          }
          for (const id of this.#charges.keys()) if (!listed?.has(id)) this.#take(id, undefined);
          listed = undefined;
          if (!isReady) this.#keep(this.#forgetOrphans());
          isReady = true;
          ready();
        }
      } catch (err) {
        if (!isReady) throw err;
        logger.error({ err }, "watching the drains failed; it is begun again");
      }
      await clock.sleep(restartMs, signal);
    }
  }

  #take(id: string, wanted: DrainRecord | undefined): void {
    const known = this.#charges.get(id);
    if (known === undefined && wanted === undefined) return;
    const charge = known ?? this.#charge(id, wanted!);
    const isSame = workKey(charge.wanted) === workKey(wanted);
    charge.wanted = wanted;
    if (!isSame) charge.change.abort();
    this.#start(id, charge);
    if (charge.running === undefined && wanted === undefined) this.#charges.delete(id);
  }

  #charge(id: string, { channel }: DrainRecord): Charge {
    const shard = fnv1a(channel) % (this.#options.shards ?? 1);
    const charge = { shard, wanted: undefined, change: new AbortController(), running: undefined };
    this.#charges.set(id, charge);
    return charge;
  }

  #start(id: string, charge: Charge): void {
    if (charge.running !== undefined || !this.#mine.has(charge.shard)) return;
    const running = this.#run(id, charge).finally(() => {
      charge.running = undefined;
      this.#running.delete(running);
      // Whose it is may have changed back while it ended.
      if (this.#charges.get(id) === charge && !this.#closing.signal.aborted) this.#start(id, charge);
    });
    charge.running = running;
    this.#running.add(running);
  }

  // One drain, from when it is this process's and wanted until it is not.
  async #run(id: string, charge: Charge): Promise<void> {
    while (!this.#closing.signal.aborted && this.#mine.has(charge.shard)) {
      charge.change = new AbortController();
      const { wanted } = charge;
      if (wanted === undefined) {
        this.#charges.delete(id);
        this.#options.notices.forget(id);
        return this.#forget(id);
      }
      if (wanted.url === undefined || wanted.paused) await aborted(charge.change.signal);
      else await this.#work(wanted, charge);
    }
  }

  // One worker, until its record changes.
  async #work(drain: DrainRecord, charge: Charge): Promise<void> {
    const { logger, clock, restartMs } = this.#options;
    const { signal } = charge.change;
    let worker: DrainWorker | undefined;
    try {
      const parts = this.#mine.get(charge.shard);
      worker = await this.#starts.pass(async () =>
        signal.aborted || parts === undefined
          ? undefined
          : await DrainWorker.open(drain, filterOf(drain), parts),
      );
      if (worker === undefined) return;
      drainWorkers.inc();
      await worker.endedOr(signal);
      if (!signal.aborted) {
        logger.warn({ drain: drain.id }, "somebody else runs this drain: it is left to them");
        if (this.#options.shards === undefined) await aborted(signal);
        else await clock.sleep(restartMs, signal); // whose shard it is says whose it is
      }
    } catch (err) {
      logger.error({ err, drain: drain.id }, "a drain's worker broke; it is started again");
      await clock.sleep(restartMs, signal);
    } finally {
      if (worker !== undefined) {
        await worker.stop(charge.wanted === undefined ? 0 : this.#graceMs(charge.shard));
        drainWorkers.dec();
      }
    }
  }

  // Whoever runs the shard from now on waits for it; what it sends again meanwhile is sent under the same frame id.
  #graceMs(shard: number): number {
    const { closeMsMax } = this.#options;
    return this.#mine.has(shard) || this.#closing.signal.aborted
      ? closeMsMax
      : Math.min(closeMsMax, moveMsMax);
  }

  async #forget(id: string): Promise<void> {
    const { store, logger } = this.#options;
    try {
      const found = await store.get(stateKey({ id }));
      if (found !== undefined) await store.put(found.key, undefined, found.revision);
    } catch (err) {
      logger.error({ err, drain: id }, "the state of a removed drain could not be removed");
    }
  }

  // States whose drains were removed while nobody watched.
  async #forgetOrphans(): Promise<void> {
    const { store, logger } = this.#options;
    try {
      for await (const { key } of store.list(stateKey({ id: "" }))) {
        const id = key.slice(stateKey({ id: "" }).length);
        if (!this.#charges.has(id) && (await store.get(`drain/${id}`)) === undefined) await this.#forget(id);
        if (this.#closing.signal.aborted) return;
      }
    } catch (err) {
      logger.error({ err }, "the states of removed drains could not be removed");
    }
  }

  #keep(work: Promise<void>): void {
    const kept = work.finally(() => this.#running.delete(kept));
    this.#running.add(kept);
  }
}

/** Lets at most `max` pieces of work run at a time, first come, first served. */
class Turnstile {
  readonly #waiting: (() => void)[] = [];
  #free: number;

  constructor(max: number) {
    this.#free = max;
  }

  async pass<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }
}

// What a worker is made from: a change in anything else of the record does not stop it.
function workKey(drain: DrainRecord | undefined): string | undefined {
  if (drain === undefined) return undefined;
  const { updatedAt: _, number: __, ...rest } = drain;
  return JSON.stringify(Object.entries(rest).sort(([a], [b]) => (a < b ? -1 : 1)));
}

// The registry compiled it before it stored it.
function filterOf(drain: DrainRecord): LineFilter | undefined {
  const compiled = compileFilter(drain.filter ?? {}, { keepsBlanks: boundsOf(drain).takesBlanks !== false });
  if (compiled.kind === "bad")
    throw new Error(`the stored filter is bad: ${compiled.field} ${compiled.reason}`);
  return compiled.filter;
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
