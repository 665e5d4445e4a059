/**
 * A drain node as its cluster sees it: it can be killed at any step, frozen (it does nothing, and the time goes on),
 * and cut off from the Store, with or without the log, while it still reaches the destinations. What it put on the way
 * before may arrive, at once or late, whether or not it hears of it.
 */
import { pino } from "pino";
import { ConnectionSlots } from "../../src/drains/connections/slots.ts";
import { Leases, type LeasesOptions } from "../../src/drains/leases.ts";
import { DrainSupervisor } from "../../src/drains/supervisor.ts";
import type { DrainLimits } from "../../src/drains/worker/performer.ts";
import { ReadAheadBudget } from "../../src/drains/worker/read-ahead.ts";
import { Failures } from "../../src/failures.ts";
import type { ChannelLog, Clock, Sink, Store } from "../../src/ports.ts";
import type { DrainRecord } from "../../src/registry/records.ts";
import { patternsInProcess } from "../support/patterns.ts";

export type ClusterParts = {
  readonly clock: Clock;
  readonly log: ChannelLog;
  readonly store: (node: string) => Store;
  readonly random: () => number;
  readonly sinkFor: (node: ClusterNode, drain: DrainRecord) => Sink;
  readonly limits: DrainLimits;
  readonly shards: number;
};

const never = new Promise<never>(() => {});
const logger = pino({ level: "silent" });
const untold = { lost() {}, refused() {}, certificate() {}, expiring() {}, forget() {} };
const away = () => new Error("no way to the store");

export class ClusterNode {
  readonly name: string;
  /** Since when nothing was wrong with it; undefined while something is. */
  wellSinceMs: number | undefined;
  readonly #parts: ClusterParts;
  readonly #clock: Clock;
  #supervisor: DrainSupervisor | undefined;
  #leases: Leases | undefined;
  #isDead = false;
  #isClosing = false;
  #frozen: Pause | undefined;
  #cut: (Pause & { readonly fromLog: boolean }) | undefined;

  constructor(name: string, parts: ClusterParts) {
    this.name = name;
    this.#parts = parts;
    this.#clock = {
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
    const { random, sinkFor, limits, shards } = this.#parts;
    const clock = this.#clock;
    const store = this.#store();
    try {
      const supervisor = await DrainSupervisor.open({
        log: this.#log(),
        store,
        clock,
        random,
        sinkFor: (drain) => sinkFor(this, drain),
        slots: new ConnectionSlots({
          socketsMax: 100,
          idleMsMax: 60_000,
          failingMax: 50,
          failingEveryMs: 5,
          clock,
        }),
        readAhead: new ReadAheadBudget(1_000_000),
        patterns: patternsInProcess(),
        notices: untold,
        limits,
        logger,
        startsMax: 4,
        restartMs: 2_000,
        closeMsMax: 10_000,
        shards,
      });
      this.#supervisor = supervisor;
      const failures = new Failures({ logger: undefined, nowMs: () => clock.nowMs() });
      const run: LeasesOptions["run"] = (...args) => supervisor.run(...args);
      this.#leases = new Leases({ store, clock, node: this.name, shards, run, failures });
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
    this.#isDead = true;
  }

  kill(): void {
    this.#isDead = true;
    this.#look();
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  get isClosing(): boolean {
    return this.#isClosing;
  }

  get isOpen(): boolean {
    return this.#leases !== undefined && !this.#isDead && !this.#isClosing;
  }

  get isFrozen(): boolean {
    return this.#frozen !== undefined;
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
    const isWell = this.isOpen && this.#frozen === undefined && this.#cut === undefined;
    if (!isWell) this.wellSinceMs = undefined;
    else this.wellSinceMs ??= this.#parts.clock.nowMs();
  }

  #store(): Store {
    const store = this.#parts.store(this.name);
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
    const { random, clock } = this.#parts;
    const dice = random();
    if (this.#cut !== undefined) {
      if (dice < 0.3)
        void clock.sleep(random() * 8_000).then(request); // what lay in a buffer
      else if (dice < 0.5) await request();
      await this.#clock.sleep(500 + random() * 3_000);
      throw away();
    }
    if (dice < 0.3) await clock.sleep(dice * 100);
    const value = await request();
    if (dice > 0.7) await clock.sleep(dice * 20);
    await this.awake();
    if (this.#cut === undefined) return value;
    await this.#clock.sleep(1_000);
    throw away();
  }

  #log(): ChannelLog {
    const { log } = this.#parts;
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
      async *follow(channel, from, signal) {
        for await (const batch of log.follow(channel, from, signal)) {
          while (self.#cut?.fromLog && !signal.aborted) await unlessAborted(self.#cut.over, signal);
          await self.awake();
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
    void work.then(end);
  });
}
