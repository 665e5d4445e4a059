/** API keys: the operator's, given at start, which may do everything, and those in the Store, kept as hashes. */
import { randomUUID } from "node:crypto";
import type { ChannelId } from "../core/ids.ts";
import type { Clock, Store } from "../ports.ts";
import type { Principal } from "./principal.ts";
import { RecordCache } from "./record-cache.ts";
import type { KeyRecord } from "./records.ts";
import { hashOf, isSameSecret, newKeySecret } from "./secrets.ts";
import { timeOf } from "./time.ts";
import { removeRecord } from "./update.ts";

/** What the operator's key is called where a key has an id. */
export const operatorKeyId = "00000000-0000-4000-8000-000000000000";

const operator: Principal = { keyId: operatorKeyId, apps: "all", readOnly: false };
const recordKey = (secret: string) => `key/${hashOf(secret)}`;

export type NewKey = {
  readonly apps: "all" | readonly ChannelId[];
  readonly readOnly: boolean;
  readonly description: string;
};

export class Keys {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #operatorSecret: string;
  readonly #cache: RecordCache<KeyRecord>;
  /** Sets of apps are made once for a record; records are the cache's own objects. */
  readonly #principals = new WeakMap<KeyRecord, Principal>();

  constructor(options: { store: Store; clock: Clock; operatorSecret: string; cacheEntriesMax: number }) {
    this.#store = options.store;
    this.#clock = options.clock;
    this.#operatorSecret = options.operatorSecret;
    this.#cache = new RecordCache({
      store: options.store,
      clock: options.clock,
      prefix: "key/",
      entriesMax: options.cacheEntriesMax,
    });
  }

  /** Whose key `secret` is; undefined when it is nobody's. */
  async authenticate(secret: string): Promise<Principal | undefined> {
    if (isSameSecret(secret, this.#operatorSecret)) return operator;
    const record = await this.#cache.find(recordKey(secret));
    return record && this.#principalOf(record);
  }

  /** Makes a key. Its secret is in this answer and nowhere else. */
  async create(wanted: NewKey): Promise<{ secret: string; record: KeyRecord }> {
    const secret = newKeySecret();
    const record: KeyRecord = { id: randomUUID(), ...wanted, createdAt: timeOf(this.#clock.nowMs()) };
    await this.#store.put(recordKey(secret), record, 0);
    this.#cache.forget(recordKey(secret));
    return { secret, record };
  }

  /** All keys but the operator's, oldest first. */
  async list(): Promise<KeyRecord[]> {
    const records: KeyRecord[] = [];
    for await (const { value } of this.#store.list<KeyRecord>("key/")) records.push(value);
    return records.sort((a, b) => (a.createdAt < b.createdAt ? -1 : a.createdAt > b.createdAt ? 1 : 0));
  }

  /** The key that was removed; undefined when there was none. */
  async revoke(id: string): Promise<KeyRecord | undefined> {
    for await (const { key, value } of this.#store.list<KeyRecord>("key/")) {
      if (value.id !== id) continue;
      await removeRecord(this.#store, key);
      this.#cache.forget(key);
      return value;
    }
    return undefined;
  }

  /** Idempotent. */
  close(): Promise<void> {
    return this.#cache.close();
  }

  #principalOf(record: KeyRecord): Principal {
    let principal = this.#principals.get(record);
    if (principal === undefined) {
      const apps = record.apps === "all" ? record.apps : new Set(record.apps);
      principal = { keyId: record.id, apps, readOnly: record.readOnly };
      this.#principals.set(record, principal);
    }
    return principal;
  }
}
