/**
 * The wanted state of each app's dynos: one record per app, changed by the API on any control node, and followed by the
 * program that runs the dynos. Every change that a runner must know about increases `revision`.
 */
import { randomInt, randomUUID } from "node:crypto";
import type { ChannelId } from "../../core/ids.ts";
import { appKey, platformKey, recordPrefixes } from "../../core/records/record-keys.ts";
import { notFound } from "../../errors/access.ts";
import { releaseUnknown, runnersFull } from "../../errors/platform.ts";
import type { Clock, Store } from "../../ports.ts";
import { followRecords } from "../follow-records.ts";
import type { AppRecord } from "../records.ts";
import { timeOf } from "../time.ts";
import { updateRecord } from "../update.ts";
import { type ConfigChanges, configAfter, configWords } from "./config-vars.ts";
import { deployed, type FormationUpdate, scaled } from "./formation.ts";
import type { PlatformLimits } from "./limits.ts";
import type { FormationEntry, Order, PlatformRecord, Release } from "./platform-records.ts";
import { fitted } from "./record-room.ts";

type PlatformsOptions = {
  readonly store: Store;
  readonly clock: Clock;
  readonly limits: PlatformLimits;
};

/** Whoever made a change. */
export type User = { readonly id: string; readonly email: string };
type OrderPart = Order extends infer One ? (One extends Order ? Omit<One, "number" | "atMs"> : never) : never;

const nothing: PlatformRecord = { revision: 0, formation: [], config: {}, releases: [], orders: [] };

/** The newest release that dynos may run. */
export const releaseInForce = ({ releases }: PlatformRecord): Release | undefined =>
  releases.findLast(({ status }) => status === "succeeded");

export class Platforms {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #limits: PlatformLimits;
  readonly #waiting = new Map<string, Set<() => void>>();
  #waiters = 0;
  readonly #closing = new AbortController();
  #watching: Promise<void> | undefined;

  constructor({ store, clock, limits }: PlatformsOptions) {
    this.#store = store;
    this.#clock = clock;
    this.#limits = limits;
  }

  /** The wanted state of an app; empty if it was never deployed. */
  async get(channel: ChannelId): Promise<PlatformRecord> {
    return (await this.#store.get<PlatformRecord>(platformKey(channel)))?.value ?? nothing;
  }

  async scale(channel: ChannelId, updates: readonly FormationUpdate[]): Promise<readonly FormationEntry[]> {
    const { formation } = await this.#change(channel, (record) => ({
      ...record,
      formation: scaled(record.formation, updates),
    }));
    return formation;
  }

  /** Sets and removes config vars, which makes a release. Undefined if nothing changes. */
  async configure(channel: ChannelId, changes: ConfigChanges, user: User): Promise<Release | undefined> {
    let made: Release | undefined;
    await this.#change(channel, (record) => {
      const config = configAfter(record.config, changes);
      made = undefined;
      if (JSON.stringify(config) === JSON.stringify(record.config)) return record;
      made = this.#release(record, configWords(changes), user, "succeeded");
      return this.#released({ ...record, config }, made);
    });
    return made;
  }

  /** Makes a release of the processes in `commands`; pending while its `release:` line still has to run. */
  async deploy(
    channel: ChannelId,
    {
      commands,
      description,
      isPending,
    }: { commands: Record<string, string>; description: string; isPending: boolean },
    user: User,
  ): Promise<Release> {
    let made: Release | undefined;
    await this.#change(channel, (record) => {
      made = this.#release(record, description, user, isPending ? "pending" : "succeeded");
      return this.#released({ ...record, formation: deployed(record.formation, commands) }, made);
    });
    return made!;
  }

  /** Records how the `release:` line of a pending release ended. */
  async finish(channel: ChannelId, version: number, status: "succeeded" | "failed"): Promise<Release> {
    const { releases } = await this.#change(channel, (record) => ({
      ...record,
      releases: record.releases.map((one) =>
        one.version === version && one.status === "pending" ? { ...one, status } : one,
      ),
    }));
    const release = releases.find((one) => one.version === version);
    if (release === undefined) throw releaseUnknown(String(version));
    return release;
  }

  /** Orders something that the present runner is to do once. */
  async order(channel: ChannelId, order: OrderPart): Promise<Order> {
    let made: Order | undefined;
    await this.#change(channel, (record) => {
      made = { ...order, number: record.revision + 1, atMs: this.#clock.nowMs() };
      return { ...record, orders: [...record.orders, made].slice(-this.#limits.ordersMax) };
    });
    return made!;
  }

  /** A new name for a one-off dyno. */
  oneOffName(): string {
    return `run.${randomInt(1000, 10_000)}`;
  }

  /**
   * Resolves when the app's record may have changed, when `signal` is aborted, or on close. Throws when too many are
   * waiting already.
   */
  async changed(channel: ChannelId, signal: AbortSignal): Promise<void> {
    const { appWaitersMax, waitersMax } = this.#limits;
    const key = platformKey(channel);
    const waiters = this.#waiting.get(key) ?? new Set();
    if (waiters.size >= appWaitersMax || this.#waiters >= waitersMax) throw runnersFull();
    if (signal.aborted || this.#closing.signal.aborted) return;
    this.#watching ??= this.#watch();
    this.#waiting.set(key, waiters);
    this.#waiters++;
    let wake = () => {};
    try {
      await new Promise<void>((resolve) => {
        wake = resolve;
        waiters.add(wake);
        signal.addEventListener("abort", wake, { once: true });
      });
    } finally {
      signal.removeEventListener("abort", wake);
      waiters.delete(wake);
      this.#waiters--;
      if (waiters.size === 0) this.#waiting.delete(key);
    }
  }

  /** Ends all waits, present and future. */
  release(): void {
    this.#closing.abort();
    for (const key of this.#waiting.keys()) this.#wake(key);
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.release();
    await this.#watching;
  }

  #watch(): Promise<void> {
    const parts = { store: this.#store, clock: this.#clock };
    const wakeAll = () => {
      for (const key of this.#waiting.keys()) this.#wake(key);
    };
    return followRecords<PlatformRecord>(parts, recordPrefixes.platform, this.#closing.signal, {
      onUp: wakeAll, // they may wait for a change from before this watch was up
      onDown: () => {},
      onRecord: ({ key }) => this.#wake(key),
    });
  }

  #wake(key: string): void {
    for (const wake of this.#waiting.get(key) ?? []) wake();
  }

  /** Writes a change of what is wanted under a new revision. Throws if the app is gone. */
  async #change(
    channel: ChannelId,
    change: (record: PlatformRecord) => PlatformRecord,
  ): Promise<PlatformRecord> {
    const key = platformKey(channel);
    const record = await updateRecord<PlatformRecord>(this.#store, key, (found = nothing) => {
      const changed = change(found);
      if (changed === found) return found;
      return fitted({ ...changed, revision: found.revision + 1 }, this.#limits.recordBytesMax);
    });
    this.#wake(key);
    // This and `Apps.destroy` may run at the same time; one of the two finds the other's work.
    const app = await this.#store.get<AppRecord>(appKey(channel));
    if (app !== undefined && app.value.destroying === undefined) return record!;
    await updateRecord(this.#store, key, () => undefined);
    throw notFound("app");
  }

  #release(record: PlatformRecord, description: string, user: User, status: Release["status"]): Release {
    const version = (record.releases.at(-1)?.version ?? 0) + 1;
    const createdAt = timeOf(this.#clock.nowMs());
    return { id: randomUUID(), version, description, user, status, createdAt };
  }

  #released(record: PlatformRecord, release: Release): PlatformRecord {
    return { ...record, releases: [...record.releases, release].slice(-this.#limits.releasesMax) };
  }
}
