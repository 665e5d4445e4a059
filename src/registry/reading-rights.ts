/**
 * Rights to read an app's log, each through a key. A right ends everywhere as soon as its key is revoked, loses the app
 * or expires, or the app is destroyed: each node that serves readers watches the records of keys and apps. While such a
 * watch is down, no changes are seen; when it is up again, every right is checked anew.
 */
import type { ChannelId } from "../core/ids.ts";
import { appKey, recordPrefixes } from "../core/records/record-keys.ts";
import type { Clock, Store, StoreChange } from "../ports.ts";
import { unlessUnreadable } from "./checked-store.ts";
import { followRecords } from "./follow-records.ts";
import { expiryMsOf, type Keys, operatorKeyId } from "./keys.ts";
import type { AppRecord, KeyRecord } from "./records.ts";

/** The right of a key to read an app's log. */
export type ReadingRight = {
  /** Aborted when the right ends. */
  readonly over: AbortSignal;
  /** Call it when reading is done. Idempotent. */
  release(): void;
};

/** A record as it was read, or as a watch told it: without a value it was removed or cannot be used. */
type Seen = Pick<StoreChange<object>, "value" | "revision">;

/** Node's timers last at most 24.8 days. */
const sleepMsMax = 86_400_000;
const readRetryMs = 1_000;

export class ReadingRights {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #keys: Pick<Keys, "recordKeyOf">;
  /** The rights that depend on a record, by its key in the Store: `key/HASH` or `app/ID`. */
  readonly #standing = new Map<string, Set<Right>>();
  readonly #stop = new AbortController();
  /** Set by the first right, so that a node without readers watches nothing. */
  #following: Promise<unknown> | undefined;

  constructor(options: { store: Store; clock: Clock; keys: Pick<Keys, "recordKeyOf"> }) {
    this.#store = options.store;
    this.#clock = options.clock;
    this.#keys = options.keys;
  }

  /** The right of the key with this id to read `channel`, from now on; undefined if it has none. */
  async take(keyId: string, channel: ChannelId): Promise<ReadingRight | undefined> {
    const keyRecord = keyId === operatorKeyId ? undefined : await this.#keys.recordKeyOf(keyId);
    if (keyRecord === undefined && keyId !== operatorKeyId) return undefined;
    const records = [appKey(channel), ...(keyRecord === undefined ? [] : [keyRecord])];
    const right = new Right(channel, this.#clock, () => {
      for (const record of records) this.#leave(record, right);
    });
    // The watch comes before the read, so that no change is missed: a watch that comes up checks every right again.
    this.#following ??= Promise.all(
      [recordPrefixes.key, recordPrefixes.app].map((prefix) => this.#follow(prefix)),
    );
    for (const record of records) this.#enter(record, right);
    try {
      for (const record of records) right.check(record, await this.#store.get<object>(record));
    } catch (failure) {
      right.release();
      throw failure;
    }
    return right.over.aborted ? undefined : right;
  }

  /** Idempotent. Ends all remaining rights. */
  async close(): Promise<void> {
    this.#stop.abort();
    for (const rights of [...this.#standing.values()]) for (const right of [...rights]) right.end();
    await this.#following;
  }

  #enter(record: string, right: Right): void {
    const rights = this.#standing.get(record);
    if (rights === undefined) this.#standing.set(record, new Set([right]));
    else rights.add(right);
  }

  #leave(record: string, right: Right): void {
    const rights = this.#standing.get(record);
    if (rights?.delete(right) && rights.size === 0) this.#standing.delete(record);
  }

  #follow(prefix: string): Promise<void> {
    const { signal } = this.#stop;
    return followRecords<object>({ store: this.#store, clock: this.#clock }, prefix, signal, {
      onUp: () => void this.#checkAll(prefix),
      onDown: () => {},
      onRecord: (change) => this.#check(change.key, change),
    });
  }

  #check(record: string, seen: Seen | undefined): void {
    for (const right of [...(this.#standing.get(record) ?? [])]) right.check(record, seen);
  }

  async #checkAll(prefix: string): Promise<void> {
    for (const record of [...this.#standing.keys()].filter((key) => key.startsWith(prefix))) {
      while (this.#standing.has(record) && !this.#stop.signal.aborted) {
        const read = await unlessUnreadable(this.#store.get<object>(record)).catch(() => null);
        if (read !== null) {
          this.#check(record, read);
          break;
        }
        await this.#clock.sleep(readRetryMs, this.#stop.signal);
      }
    }
  }
}

class Right implements ReadingRight {
  readonly #channel: ChannelId;
  readonly #clock: Clock;
  readonly #leave: () => void;
  readonly #ending = new AbortController();
  /** The newest revision of each of its records that was seen. */
  readonly #revisions = new Map<string, number>();
  /** Ends the wait for the key's expiry, if it expires. */
  #expiry: AbortController | undefined;

  constructor(channel: ChannelId, clock: Clock, leave: () => void) {
    this.#channel = channel;
    this.#clock = clock;
    this.#leave = leave;
  }

  get over(): AbortSignal {
    return this.#ending.signal;
  }

  /**
   * Ends the right if one of its records, as it was `seen`, no longer grants it. Reads and the watch overtake each
   * other: what is older than what was seen before tells nothing.
   */
  check(record: string, seen: Seen | undefined): void {
    if (this.over.aborted || (seen !== undefined && seen.revision < (this.#revisions.get(record) ?? 0)))
      return;
    const value = seen?.value;
    if (seen !== undefined) this.#revisions.set(record, seen.revision);
    if (record.startsWith(recordPrefixes.app)) {
      if (value === undefined || (value as AppRecord).destroying) this.end();
      return;
    }
    const key = value as KeyRecord | undefined;
    this.#expiry?.abort();
    if (key === undefined || !(key.apps === "all" || key.apps.includes(this.#channel))) this.end();
    else void this.#endAt(expiryMsOf(key));
  }

  end(): void {
    this.release();
    this.#ending.abort();
  }

  release(): void {
    this.#expiry?.abort();
    this.#leave();
  }

  async #endAt(expiryMs: number): Promise<void> {
    if (expiryMs === Number.POSITIVE_INFINITY) return;
    const { signal } = (this.#expiry = new AbortController());
    for (;;) {
      const leftMs = expiryMs - this.#clock.nowMs();
      if (leftMs <= 0) return this.end();
      await this.#clock.sleep(Math.min(leftMs, sleepMsMax), signal);
      if (signal.aborted) return;
    }
  }
}
