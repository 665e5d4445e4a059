/**
 * Ingest tokens. `token/HASH` is the record, `channel-token/CHANNEL/HASH` names an app's tokens; the index is
 * written first and removed last, so that whoever destroys an app finds all of them.
 */
import { type ChannelId, newToken } from "../core/ids.ts";
import { notFound, sourceInvalid, tokenLimit } from "../errors.ts";
import type { Clock, Store } from "../ports.ts";
import { RecordCache } from "./record-cache.ts";
import type { TokenRecord } from "./records.ts";
import { hashOf } from "./secrets.ts";
import { timeOf } from "./time.ts";
import { removeRecord } from "./update.ts";

/** Tokens of an app at most. */
export const tokensMax = 100;

const sourceForm = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,47}$/;

/** What a line's source may be called. */
export const isSource = (text: string): boolean => sourceForm.test(text);

const recordKey = (hash: string) => `token/${hash}`;
const indexPrefix = (channel: ChannelId) => `channel-token/${channel}/`;

export class Tokens {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #cache: RecordCache<TokenRecord>;

  constructor(options: { store: Store; clock: Clock; cacheEntriesMax: number }) {
    this.#store = options.store;
    this.#clock = options.clock;
    this.#cache = new RecordCache({
      store: options.store,
      clock: options.clock,
      prefix: "token/",
      entriesMax: options.cacheEntriesMax,
    });
  }

  /** Without waiting: the record, null when the token is known to be unknown, undefined when `find` has to be asked. */
  peek(token: string): TokenRecord | null | undefined {
    return this.#cache.peek(recordKey(hashOf(token)));
  }

  find(token: string): Promise<TokenRecord | undefined> {
    return this.#cache.find(recordKey(hashOf(token)));
  }

  /** The app's tokens, oldest first. */
  async list(channel: ChannelId): Promise<TokenRecord[]> {
    const reads: Promise<TokenRecord | undefined>[] = [];
    for await (const { key } of this.#store.list(indexPrefix(channel))) {
      const hash = key.slice(indexPrefix(channel).length);
      reads.push(this.#store.get<TokenRecord>(recordKey(hash)).then((found) => found?.value));
    }
    const records = (await Promise.all(reads)).filter((record) => record !== undefined);
    return records.sort((a, b) => compare(a.createdAt, b.createdAt) || compare(a.source, b.source));
  }

  /** Another token for an app that exists. Throws when the app is gone by the time that the token is there. */
  async create(channel: ChannelId, source: string): Promise<TokenRecord> {
    if ((await this.list(channel)).length >= tokensMax) throw tokenLimit(tokensMax);
    const record = await this.write(channel, source);
    // Seen from here or from `Apps.destroy`, one of the two finds the other's work.
    if (isGone(await this.#store.get<object>(`app/${channel}`))) {
      await this.#remove(record);
      throw notFound("app");
    }
    return record;
  }

  /** `create` without the questions: for an app that is being made. */
  async write(channel: ChannelId, source: string): Promise<TokenRecord> {
    if (!isSource(source)) throw sourceInvalid(source);
    const record: TokenRecord = {
      token: newToken(),
      channel,
      source,
      createdAt: timeOf(this.#clock.nowMs()),
    };
    const hash = hashOf(record.token);
    await this.#store.put(indexPrefix(channel) + hash, {}, 0);
    await this.#store.put(recordKey(hash), record, 0);
    this.#cache.forget(recordKey(hash));
    return record;
  }

  /** False when there was no such token. */
  async revoke(token: string): Promise<boolean> {
    const found = await this.#store.get<TokenRecord>(recordKey(hashOf(token)));
    if (found === undefined) return false;
    await this.#remove(found.value);
    return true;
  }

  /** Revokes all tokens of an app, half-made ones too. */
  async revokeAll(channel: ChannelId): Promise<void> {
    for await (const { key } of this.#store.list(indexPrefix(channel))) {
      await this.#removeHash(channel, key.slice(indexPrefix(channel).length));
    }
  }

  /** Idempotent. */
  close(): Promise<void> {
    return this.#cache.close();
  }

  #remove(record: TokenRecord): Promise<void> {
    return this.#removeHash(record.channel, hashOf(record.token));
  }

  async #removeHash(channel: ChannelId, hash: string): Promise<void> {
    await removeRecord(this.#store, recordKey(hash));
    this.#cache.forget(recordKey(hash));
    await removeRecord(this.#store, indexPrefix(channel) + hash);
  }
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

const isGone = (app: { readonly value: object } | undefined) =>
  app === undefined || "destroying" in app.value;
