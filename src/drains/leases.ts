/**
 * Shares shards among the nodes that run drains, using only the Store. A node shows that it is alive by renewing one
 * record; each shard has a record that names its holder. Clocks of different machines are never compared: a node is
 * dead when its record has been unchanged for `ttlMs`, and it stops its own work before that, counted from the start of
 * its last renewal that was stored. Every write is revision-checked.
 */

import type { BackgroundFailures } from "../background-failures.ts";
import { leaseNodeKey, leaseShardKey, nameIn, recordPrefixes } from "../core/records/record-keys.ts";
import type { Clock, Store, StoreChange } from "../ports.ts";
import { watchLasting } from "./lasting-watch.ts";

export type LeasesOptions = {
  readonly store: Store;
  readonly clock: Clock;
  /** The name of this node, which no other may have at the same time. Must be valid as a word of a store key. */
  readonly node: string;
  readonly shards: number;
  readonly failures: BackgroundFailures;
  /**
   * Does the shard's work until `signal` is aborted; resolves when all of it has stopped. `lease` is greater than that
   * of every earlier holder: work that is written with it keeps out a node that still believes it holds the shard.
   */
  readonly run: (shard: number, signal: AbortSignal, lease: number) => Promise<void>;
};

/** How long a node's record may stay unchanged before the node counts as dead. */
const ttlMs = 5000;
/** A node that cannot renew stops this long before others may think it dead. */
const marginMs = 1000;
const renewMs = 1000;
const tickMs = 500;

/** A record, and when this node first saw it. */
type Seen = { readonly revision: number; readonly holder: string | null; readonly atMs: number };
type Held = { readonly stop: AbortController; readonly done: Promise<void> };

/** The shards that this node works on. */
export class Leases {
  readonly #options: LeasesOptions;
  readonly #nodes = new Map<string, Seen>();
  readonly #shards = new Map<number, Seen>();
  readonly #held = new Map<number, Held>();
  readonly #closing = new AbortController();
  readonly #loops: Promise<void>[];
  #isReady = false;
  #ownRevision = 0;
  #renewed = 0;
  /** After this, others may think this node dead, so it stops all work. */
  #untilMs = Number.NEGATIVE_INFINITY;
  #closed: Promise<void> | undefined;

  constructor(options: LeasesOptions) {
    this.#options = options;
    this.#loops = [this.#watch(), this.#guard(), this.#renewals(), this.#rounds()];
  }

  /** True while this node, and no other, may write what belongs to the shard. */
  holds(shard: number): boolean {
    const held = this.#held.get(shard);
    return (
      held !== undefined && !held.stop.signal.aborted && this.#options.clock.monotonicMs() < this.#untilMs
    );
  }

  /** The shards that this node works on. */
  get held(): readonly number[] {
    return [...this.#held.keys()].filter((shard) => this.holds(shard));
  }

  /** Idempotent. Stops all work and releases the shards, so that others need not wait. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#closing.abort();
    for (const { stop } of this.#held.values()) stop.abort();
    await Promise.all(this.#loops);
    await Promise.allSettled([...this.#held.keys()].map((shard) => this.#release(shard)));
    if (this.#ownRevision !== 0)
      await this.#put(leaseNodeKey(this.#options.node), undefined, this.#ownRevision);
  }

  #watch(): Promise<void> {
    const { store, clock, failures } = this.#options;
    return watchLasting<{ holder: string | null }>({
      store,
      clock,
      prefix: recordPrefixes.leases,
      restartMs: tickMs,
      signal: this.#closing.signal,
      onChange: (change) => this.#heard(change),
      onListed: (keys) => this.#listed(keys),
      onFailure: (err) => failures.note("lease", err, "watching the leases failed; it is begun again"),
    });
  }

  // Forgets nodes that disappeared while nobody watched.
  #listed(keys: ReadonlySet<string>): void {
    for (const node of this.#nodes.keys()) if (!keys.has(leaseNodeKey(node))) this.#nodes.delete(node);
    this.#isReady = true;
  }

  // A shard whose record cannot be used is left to whoever wrote it.
  #heard({ key, value, revision, isUnreadable }: StoreChange<{ holder: string | null }>): void {
    if (isUnreadable) return;
    const seen: Seen = { revision, holder: value?.holder ?? null, atMs: this.#options.clock.monotonicMs() };
    const isShard = key.startsWith(recordPrefixes.leaseShard);
    if (isShard) this.#saw(this.#shards, Number(nameIn("leaseShard", key)), seen);
    else if (value === undefined) this.#nodes.delete(nameIn("leaseNode", key));
    else this.#saw(this.#nodes, nameIn("leaseNode", key), seen);
  }

  #saw<Key>(map: Map<Key, Seen>, key: Key, seen: Seen): void {
    if ((map.get(key)?.revision ?? 0) < seen.revision) map.set(key, seen);
  }

  // Ends the work in time, even while a renewal waits.
  async #guard(): Promise<void> {
    const { clock } = this.#options;
    while (!this.#closing.signal.aborted) {
      const leftMs = this.#untilMs - clock.monotonicMs();
      if (leftMs <= 0) for (const { stop } of this.#held.values()) stop.abort();
      await clock.sleep(leftMs > 0 ? leftMs : tickMs, this.#closing.signal);
    }
  }

  async #renewals(): Promise<void> {
    const { clock } = this.#options;
    while (!this.#closing.signal.aborted) {
      const isRenewed = await this.#renew();
      await clock.sleep(isRenewed ? renewMs : tickMs, this.#closing.signal);
    }
  }

  // Separate from the renewals: work that is slow to stop must not cost the node its other shards.
  async #rounds(): Promise<void> {
    const { clock } = this.#options;
    while (!this.#closing.signal.aborted) {
      if (this.#isReady && clock.monotonicMs() < this.#untilMs) await this.#balance();
      await clock.sleep(tickMs, this.#closing.signal);
    }
  }

  async #renew(): Promise<boolean> {
    const { store, clock, node } = this.#options;
    const startMs = clock.monotonicMs();
    const key = leaseNodeKey(node);
    const revision = await this.#put(key, { holder: node, renewals: ++this.#renewed }, this.#ownRevision);
    if (revision !== undefined) {
      this.#ownRevision = revision;
      this.#untilMs = startMs + ttlMs - marginMs;
      return true;
    }
    // The answer to a renewal was lost, or the record is from an earlier life under this name.
    const record = await this.#unlessFailed(store.get(key), undefined);
    this.#ownRevision = record?.revision ?? 0;
    return false;
  }

  async #balance(): Promise<void> {
    const { shards, node } = this.#options;
    const nodes = this.#living();
    const rank = nodes.indexOf(node);
    if (rank === 0) await this.#bury();
    const quota = Math.floor(shards / nodes.length) + (rank < shards % nodes.length ? 1 : 0);
    const surplus = [...this.#held.keys()].slice(quota);
    await Promise.all(surplus.map((shard) => this.#release(shard)));
    for (let tried = 0; tried < shards && this.#held.size < quota && !this.#closing.signal.aborted; tried++) {
      await this.#take((tried + rank * quota) % shards);
    }
    // A shard may have been taken too late, or was to be released while the store could not be reached.
    if (this.#held.size >= quota) {
      for (const shard of this.#shards.keys()) if (!this.#held.has(shard)) await this.#giveBack(shard);
    }
  }

  /** The live nodes, including this one, in the same order everywhere. */
  #living(): string[] {
    const { clock, node } = this.#options;
    const nodes = new Set([node]);
    for (const [other, { atMs }] of this.#nodes) if (clock.monotonicMs() - atMs < ttlMs) nodes.add(other);
    return [...nodes].sort();
  }

  // Saves nodes that come later the wait to learn that these are dead. A record that has changed since stays.
  async #bury(): Promise<void> {
    for (const [other, { revision, atMs }] of this.#nodes) {
      const isDead = this.#options.clock.monotonicMs() - atMs >= ttlMs;
      if (isDead && other !== this.#options.node) await this.#put(leaseNodeKey(other), undefined, revision);
    }
  }

  async #take(shard: number): Promise<void> {
    const { clock, node } = this.#options;
    if (this.#held.has(shard)) return;
    const seen = this.#shards.get(shard);
    if (!(await this.#isFree(seen?.holder ?? null))) return;
    const revision = await this.#put(leaseShardKey(shard), { holder: node }, seen?.revision ?? 0);
    if (revision === undefined) return;
    this.#saw(this.#shards, shard, { revision, holder: node, atMs: clock.monotonicMs() });
    // Taken too late to be safe: the record stays, and the shard is taken again once this node is alive.
    if (clock.monotonicMs() >= this.#untilMs || this.#closing.signal.aborted) return;
    const stop = new AbortController();
    const over = () => void this.#held.delete(shard);
    this.#held.set(shard, { stop, done: this.#options.run(shard, stop.signal, revision).then(over, over) });
  }

  /** True when the holder cannot be working on the shard. */
  async #isFree(holder: string | null): Promise<boolean> {
    const { store, clock, node } = this.#options;
    if (holder === null || holder === node) return true;
    const seen = this.#nodes.get(holder);
    if (seen !== undefined && clock.monotonicMs() - seen.atMs < ttlMs) return false;
    // The view may be stale: the record itself decides.
    const record = await this.#unlessFailed(store.get(leaseNodeKey(holder)), { revision: -1 });
    return record === undefined || record.revision === seen?.revision;
  }

  async #release(shard: number): Promise<void> {
    const held = this.#held.get(shard);
    if (held === undefined) return;
    held.stop.abort();
    await held.done;
    await this.#giveBack(shard);
  }

  async #giveBack(shard: number): Promise<void> {
    const seen = this.#shards.get(shard);
    if (seen?.holder !== this.#options.node) return;
    const revision = await this.#put(leaseShardKey(shard), { holder: null }, seen.revision);
    if (revision !== undefined) {
      this.#saw(this.#shards, shard, { revision, holder: null, atMs: this.#options.clock.monotonicMs() });
    }
  }

  #put(key: string, value: unknown, revision: number): Promise<number | undefined> {
    return this.#unlessFailed(this.#options.store.put(key, value, revision), undefined);
  }

  /** A request that the store cannot serve now is tried again in a later round. */
  #unlessFailed<Value, Else>(work: Promise<Value>, otherwise: Else): Promise<Value | Else> {
    return work.catch((err: unknown) => {
      this.#options.failures.note("lease", err, "the leases could not be read or written; it is tried again");
      return otherwise;
    });
  }
}
