/**
 * API keys: the operator's, set at start, which may do everything, and those in the Store, kept as hashes. A key is at
 * `key/HASH`. `key-id/ID` holds its hash for those who know only the id, and is written first.
 */
import { randomUUID } from "node:crypto";
import { type ChannelId, isUuid } from "../core/ids.ts";
import { apiKeyKey, apiKeyPointerKey, nameIn, recordPrefixes } from "../core/records/record-keys.ts";
import { notFound } from "../errors/access.ts";
import { keyLimit, recordContended } from "../errors/api.ts";
import type { Clock, Store } from "../ports.ts";
import { revisionOf } from "./checked-store.ts";
import { Claims } from "./claims.ts";
import type { Principal } from "./principal.ts";
import { RecordCache } from "./record-cache.ts";
import type { KeyPointer, KeyRecord } from "./records.ts";
import { hashOf, isSameSecret, newKeySecret } from "./secrets.ts";
import { timeOf } from "./time.ts";
import { removeRecord, updateRecord } from "./update.ts";

/** The id of the operator's key. */
export const operatorKeyId = "00000000-0000-4000-8000-000000000000";
/** The most keys of a server, not counting the operator's. */
export const keysMax = 10_000;

const operator: Principal = { keyId: operatorKeyId, apps: "all", readOnly: false };
const { key: prefix, keyClaims: claimsKey } = recordPrefixes;

/** A new key: what it may do, its description, and its lifetime. */
type NewKey = {
  readonly apps: "all" | readonly ChannelId[];
  readonly readOnly: boolean;
  readonly description: string;
  /** From now; absent: it never expires. */
  readonly lifeMs?: number;
};

/** Changes of a key; a `lifeMs` of null means that it never expires. */
type KeyChanges = Partial<Omit<NewKey, "lifeMs">> & { readonly lifeMs?: number | null };

/** When the key expires; infinite if it never does. */
export const expiryMsOf = ({ expiresAt }: KeyRecord): number =>
  expiresAt === undefined ? Number.POSITIVE_INFINITY : Date.parse(expiresAt);

// Times in records are whole seconds, so a lifetime is rounded up.
const expiryAt = (timeMs: number): string => timeOf(timeMs + 999);

export class Keys {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #operatorHash: string;
  readonly #cache: RecordCache<KeyRecord>;
  readonly #claims: Claims;
  /** The sets of apps are made once per record, since records are the cache's own objects. */
  readonly #principals = new WeakMap<KeyRecord, Principal>();

  constructor(options: { store: Store; clock: Clock; operatorSecret: string; cacheEntriesMax: number }) {
    this.#store = options.store;
    this.#clock = options.clock;
    this.#operatorHash = hashOf(options.operatorSecret);
    this.#cache = new RecordCache({
      store: options.store,
      clock: options.clock,
      prefix,
      entriesMax: options.cacheEntriesMax,
    });
    this.#claims = new Claims({
      store: options.store,
      clock: options.clock,
      claimsMax: keysMax,
      present: () => this.#present(),
      full: () => keyLimit(keysMax),
    });
  }

  /** The principal that `secret` belongs to; undefined if there is none. */
  async authenticate(secret: string): Promise<Principal | undefined> {
    return this.principalOf(hashOf(secret));
  }

  /** The principal of the key whose secret has this hash (SHA-256 in hex); undefined if there is none. */
  async principalOf(hash: string): Promise<Principal | undefined> {
    if (isSameSecret(hash, this.#operatorHash)) return operator;
    const record = await this.#cache.find(apiKeyKey(hash));
    return record === undefined || this.#isExpired(record) ? undefined : this.#asPrincipal(record);
  }

  /** The Store key of the record for this id; undefined if it never existed, or was removed. */
  async recordKeyOf(id: string): Promise<string | undefined> {
    const found = isUuid(id) ? await this.#store.get<KeyPointer>(apiKeyPointerKey(id)) : undefined;
    return found && apiKeyKey(found.value.hash);
  }

  /** Makes a key. Its secret is returned here and kept nowhere. */
  async create({ lifeMs, ...wanted }: NewKey): Promise<{ secret: string; record: KeyRecord }> {
    const secret = newKeySecret();
    const hash = hashOf(secret);
    const nowMs = this.#clock.nowMs();
    const record: KeyRecord = {
      id: randomUUID(),
      ...wanted,
      createdAt: timeOf(nowMs),
      ...(lifeMs !== undefined && { expiresAt: expiryAt(nowMs + lifeMs) }),
    };
    await this.#claims.claim(claimsKey, record.id);
    await this.#store.put(apiKeyPointerKey(record.id), { hash } satisfies KeyPointer, 0);
    await this.#store.put(apiKeyKey(hash), record, 0);
    this.#cache.forget(apiKeyKey(hash));
    if (await this.#claims.confirm(claimsKey, record.id)) return { secret, record };
    await this.revoke(record.id); // this process stood still for so long that its claim was cleared
    throw recordContended();
  }

  /** All keys except the operator's and those that have expired, oldest first. */
  async list(): Promise<KeyRecord[]> {
    const records: KeyRecord[] = [];
    for await (const { value } of this.#store.list<KeyRecord>(prefix)) {
      if (!this.#isExpired(value)) records.push(value);
    }
    return records.sort((a, b) => (a.createdAt < b.createdAt ? -1 : a.createdAt > b.createdAt ? 1 : 0));
  }

  /** The key with this id. */
  async get(id: string): Promise<KeyRecord | undefined> {
    const at = await this.recordKeyOf(id);
    const found = at === undefined ? undefined : (await this.#store.get<KeyRecord>(at))?.value;
    return found === undefined || this.#isExpired(found) ? undefined : found;
  }

  /** Throws if there is no such key. Rights that the key loses end at once, even for open streams. */
  async update(id: string, { lifeMs, ...changes }: KeyChanges): Promise<KeyRecord> {
    const at = await this.recordKeyOf(id);
    if (at === undefined) throw notFound("key", id);
    const nowMs = this.#clock.nowMs();
    const changed = await updateRecord<KeyRecord>(this.#store, at, (found) => {
      if (found === undefined || this.#isExpired(found)) throw notFound("key", id);
      const { expiresAt, ...rest } = { ...found, ...changes, updatedAt: timeOf(nowMs) };
      const expiry =
        lifeMs === undefined ? expiresAt : lifeMs === null ? undefined : expiryAt(nowMs + lifeMs);
      return { ...rest, ...(expiry !== undefined && { expiresAt: expiry }) };
    });
    this.#cache.forget(at);
    return changed!;
  }

  /** The key that was removed; undefined if there was none. */
  async revoke(id: string): Promise<KeyRecord | undefined> {
    const at = await this.recordKeyOf(id);
    if (at === undefined) return undefined;
    const found = await this.#store.get<KeyRecord>(at);
    await removeRecord(this.#store, at);
    this.#cache.forget(at);
    await removeRecord(this.#store, apiKeyPointerKey(id));
    await this.#claims.drop(claimsKey, id);
    return found?.value;
  }

  /** Adds the newer fields to keys from an earlier version. Call it when a server starts. */
  async adoptOlder(): Promise<void> {
    if ((await revisionOf(this.#store, claimsKey)) !== 0) return;
    const ids: string[] = [];
    for await (const { key, value } of this.#store.list<KeyRecord>(prefix)) {
      await this.#store.put(apiKeyPointerKey(value.id), { hash: nameIn("key", key) } satisfies KeyPointer, 0);
      ids.push(value.id);
    }
    if (ids.length > 0) await this.#store.put(claimsKey, ids, 0);
  }

  /** Idempotent. */
  close(): Promise<void> {
    return this.#cache.close();
  }

  #isExpired(record: KeyRecord): boolean {
    return this.#clock.nowMs() >= expiryMsOf(record);
  }

  // Expired keys are removed to make room.
  async #present(): Promise<ReadonlySet<string>> {
    const ids = new Set<string>();
    for await (const { key, value } of this.#store.list<KeyRecord>(prefix)) {
      if (!this.#isExpired(value)) ids.add(value.id);
      else {
        await removeRecord(this.#store, key);
        await removeRecord(this.#store, apiKeyPointerKey(value.id));
      }
    }
    return ids;
  }

  #asPrincipal(record: KeyRecord): Principal {
    let principal = this.#principals.get(record);
    if (principal === undefined) {
      const apps = record.apps === "all" ? record.apps : new Set(record.apps);
      principal = { keyId: record.id, apps, readOnly: record.readOnly };
      this.#principals.set(record, principal);
    }
    return principal;
  }
}
