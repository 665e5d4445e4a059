/**
 * A process that runs drains, as its world sees it: it can be killed at any step, frozen (it does nothing, and the time
 * goes on), and cut off from the Store, with or without the log, while it still reaches the destinations. What it put on
 * the way before may arrive, at once or late, whether or not it hears of it.
 */
import { pino } from "pino";
import { BackgroundFailures } from "../../src/background-failures.ts";
import type { CanonicalLines } from "../../src/core/batch/batch.ts";
import type { ChannelId } from "../../src/core/ids.ts";
import { ConnectionSlots } from "../../src/drains/connections/slots.ts";
import { Leases, type LeasesOptions } from "../../src/drains/leases.ts";
import { DrainNotices } from "../../src/drains/notices.ts";
import { DrainSupervisor } from "../../src/drains/supervisor.ts";
import type { DrainLimits } from "../../src/drains/worker/performer.ts";
import { ReadAheadBudget } from "../../src/drains/worker/read-ahead-budget.ts";
import type { ChannelLog, Clock, Sink, Store } from "../../src/ports.ts";
import type { DrainRecord } from "../../src/registry/records.ts";
import { patternsInProcess } from "../support/patterns.ts";

type SimNodeParts = {
  readonly clock: Clock;
  readonly log: ChannelLog;
  readonly store: Store;
  readonly random: () => number;
  readonly sinkFor: (drain: DrainRecord, onBreak: (reason: string) => void) => Sink;
  /** Stores a notice. */
  readonly accept: (channel: ChannelId, lines: CanonicalLines) => Promise<void>;
  readonly limits: DrainLimits;
  readonly socketsMax: number;
  readonly readAheadBytesMax: number;
  /** Absent: it runs every drain. */
  readonly shards?: number | undefined;
  /** Decides at random whether a request to the Store, or a batch of the log, fails now. */
  readonly storeFails: () => boolean;
  readonly logFails: () => boolean;
  /** Called when a fault of the node begins or ends. */
  readonly onChange: (node: SimNode) => void;
};

const never = new Promise<never>(() => {});
const logger = pino({ level: "silent" });
const away = () => new Error("no way to the store");

export class SimNode {
  readonly name: string;
  /** The node's own clock, which wakes nothing while the node is frozen. */
  readonly clock: Clock;
  /** Since when nothing was wrong with it; undefined while something is. */
  wellSinceMs: number | undefined;
  readonly #parts: SimNodeParts;
  #supervisor: DrainSupervisor | undefined;
  #notices: DrainNotices | undefined;
  #slots: ConnectionSlots | undefined;
  #leases: Leases | undefined;
  #isDead = false;
  #isClosing = false;
  #frozen: Pause | undefined;
  #cut: (Pause & { readonly fromLog: boolean }) | undefined;

  constructor(name: string, parts: SimNodeParts) {
    this.name = name;
    this.#parts = parts;
    this.clock = {
      nowMs: () => parts.clock.nowMs(),
      monotonicMs: () => parts.clock.monotonicMs(),
      sleep: async (ms, signal) => {
        await parts.clock.sleep(ms, signal);
        await this.awake();
      },
    };
  }

  /** As `app.ts` opens it. A node that cannot open dies. */
  async open(): Promise<void> {
    const { random, sinkFor, limits, socketsMax, readAheadBytesMax, shards } = this.#parts;
    const { clock } = this;
    const store = this.#store();
    this.#notices = new DrainNotices({
      append: async (...args) => {
        await this.awake();
        if (this.#cut?.fromLog || this.#parts.logFails()) throw away();
        return this.#parts.accept(...args);
      },
      clock,
      logger,
      everyMs: 60_000,
    });
    const slots = { socketsMax, idleMsMax: 60_000, failingMax: Math.ceil(socketsMax / 2), failingEveryMs: 5 };
    this.#slots = new ConnectionSlots({ ...slots, clock });
    try {
      const supervisor = await DrainSupervisor.open({
        log: this.#log(),
        store,
        clock,
        random,
        sinkFor: (drain, { onBreak = () => {} }) => sinkFor(drain, onBreak),
        slots: this.#slots,
        readAhead: new ReadAheadBudget(readAheadBytesMax),
        patterns: patternsInProcess(),
        notices: this.#notices,
        limits,
        logger,
        startsMax: 4,
        restartMs: 2_000,
        closeMsMax: 10_000,
        ...(shards !== undefined && { shards }),
      });
      this.#supervisor = supervisor;
      if (shards !== undefined) {
        const failures = new BackgroundFailures({ logger: undefined, nowMs: () => clock.nowMs() });
        const run: LeasesOptions["run"] = (...args) => supervisor.run(...args);
        this.#leases = new Leases({ store, clock, node: this.name, shards, run, failures });
      }
      this.#look();
    } catch {
      this.kill();
    }
  }

  /** Resolves when it gave everything back. */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.#look();
    await this.#leases?.close();
    await this.#supervisor?.close();
    await this.#notices?.close();
    this.kill();
  }

  kill(): void {
    if (this.#isDead) return;
    this.#isDead = true;
    this.#slots?.close();
    this.#look();
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  get isOpen(): boolean {
    return this.#supervisor !== undefined && !this.#isDead && !this.#isClosing;
  }

  get isFrozen(): boolean {
    return this.#frozen !== undefined;
  }

  /** True when it has no fault. It may be closing. */
  get isWell(): boolean {
    return !this.#isDead && this.#frozen === undefined && this.#cut === undefined;
  }

  holds(shard: number): boolean {
    return !this.#isDead && (this.#leases?.holds(shard) ?? false);
  }

  freeze(): void {
    this.#frozen ??= newPause();
    this.#look();
  }

  cutOff(fromLog: boolean): void {
    this.#cut ??= { ...newPause(), fromLog };
    this.#look();
  }

  /** Thawed and connected again. */
  heal(): void {
    this.#frozen?.end();
    this.#cut?.end();
    this.#frozen = undefined;
    this.#cut = undefined;
    this.#look();
  }

  /** Resolves when the node runs: at once, when it is thawed, or never. */
  async awake(): Promise<void> {
    while (this.#frozen !== undefined) await this.#frozen.over;
    if (this.#isDead) await never;
  }

  #look(): void {
    if (!this.isOpen || !this.isWell) this.wellSinceMs = undefined;
    else this.wellSinceMs ??= this.#parts.clock.nowMs();
    this.#parts.onChange(this);
  }

  #store(): Store {
    const { store } = this.#parts;
    const self = this;
    return {
      get: (key) => this.#call(() => store.get(key)),
      put: (...args) => this.#call(() => store.put(...args)),
      async *list(prefix) {
        if (self.#cut !== undefined) throw away();
        for await (const record of store.list(prefix)) {
          await self.awake();
          yield record as never;
        }
      },
      async *watch(prefix, signal) {
        for await (const change of store.watch(prefix, signal)) {
          while (self.#cut !== undefined && !signal.aborted) await unlessAborted(self.#cut.over, signal);
          await self.awake();
          yield change as never;
        }
      },
      close: async () => {},
    };
  }

  // A request on its way: it may get lost, come late, or its answer may get lost.
  async #call<Value>(request: () => Promise<Value>): Promise<Value> {
    const { random, clock, storeFails } = this.#parts;
    await this.awake();
    const dice = random();
    if (this.#cut !== undefined) {
      if (dice < 0.3)
        void clock.sleep(random() * 8_000).then(request); // what lay in a buffer
      else if (dice < 0.5) await request();
      await this.clock.sleep(500 + random() * 3_000);
      throw away();
    }
    if (dice < 0.3) await clock.sleep(dice * 100);
    // It never left: the Store of a process that is alone dies with it.
    if (this.#isDead && (this.#parts.shards === undefined || dice < 0.15)) await never;
    if (storeFails()) throw away();
    const value = await request();
    if (dice > 0.7) await clock.sleep(dice * 20);
    await this.awake();
    if (this.#cut === undefined && !storeFails()) return value;
    await this.clock.sleep(1_000);
    throw away();
  }

  #log(): ChannelLog {
    const { log, logFails } = this.#parts;
    const self = this;
    const reached = () => {
      if (this.#cut?.fromLog) throw away();
    };
    return {
      append: () => Promise.reject(new Error("drains append through their notices alone")),
      destroy: () => Promise.reject(new Error("drains destroy nothing")),
      close: async () => {},
      recent: async (...args) => {
        reached();
        const recent = await log.recent(...args);
        await this.awake();
        return recent;
      },
      lineAfter: (...args) => log.lineAfter(...args),
      async *follow(channel, from, signal, until) {
        for await (const batch of log.follow(channel, from, signal, until)) {
          while (self.#cut?.fromLog && !signal.aborted) await unlessAborted(self.#cut.over, signal);
          await self.awake();
          if (logFails()) throw new Error("a bad block");
          yield batch;
        }
      },
    };
  }
}

type Pause = { readonly over: Promise<void>; readonly end: () => void };

function newPause(): Pause {
  let end = () => {};
  const over = new Promise<void>((resolve) => {
    end = resolve;
  });
  return { over, end };
}

/** Waits for `work`, or until `signal` is aborted. */
export function unlessAborted(work: Promise<unknown>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      signal.removeEventListener("abort", end);
      resolve();
    };
    if (signal.aborted) return end();
    signal.addEventListener("abort", end);
    void work.then(end, end);
  });
}
