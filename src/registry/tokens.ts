/**
 * Ingest tokens. `token/HASH` is the record; `channel-token/CHANNEL` lists the claims of an app's tokens, by their
 * hashes. That one record bounds their number even if several are made at once, and a store of very many keys finds a
 * single key quickly, but a prefix slowly. A claim is made before its token and dropped after it, so that whoever
 * destroys an app finds all tokens.
 */
import { type ChannelId, newToken, type Token } from "../core/ids.ts";
import { appKey, recordPrefixes, tokenClaimsKey, tokenKey } from "../core/records/record-keys.ts";
import { notFound } from "../errors/access.ts";
import { recordContended, sourceInvalid, tokenLimit } from "../errors/api.ts";
import type { Clock, Store } from "../ports.ts";
import { revisionOf, unlessUnreadable } from "./checked-store.ts";
import { Claims } from "./claims.ts";
import { RecordCache } from "./record-cache.ts";
import type { TokenMarks, TokenRecord } from "./records.ts";
import { hashOf } from "./secrets.ts";
import { timeOf } from "./time.ts";
import { removeRecord } from "./update.ts";

/** The most tokens of an app. */
export const tokensMax = 100;

const sourceForm = /^(?![td]\.)[A-Za-z0-9][A-Za-z0-9_.-]{0,47}$/;

/**
 * Names of sources. None has the form of a token, because it could be mistaken for one where its lines come in again.
 */
export const isSource = (text: string): boolean => sourceForm.test(text);

export class Tokens {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #cache: RecordCache<TokenRecord>;
  readonly #claims: Claims;

  constructor(options: { store: Store; clock: Clock; cacheEntriesMax: number }) {
    this.#store = options.store;
    this.#clock = options.clock;
    this.#cache = new RecordCache({
      store: options.store,
      clock: options.clock,
      prefix: recordPrefixes.token,
      entriesMax: options.cacheEntriesMax,
    });
    this.#claims = new Claims({
      store: options.store,
      clock: options.clock,
      claimsMax: tokensMax,
      present: async (hashes) => {
        const found = await Promise.all(hashes.map((hash) => revisionOf(options.store, tokenKey(hash))));
        return new Set(hashes.filter((_, i) => found[i] !== 0));
      },
      full: () => tokenLimit(tokensMax),
    });
  }

  /** Results of `peek` are valid as long as this stays the same; NaN is never the same. */
  get version(): number {
    return this.#cache.version;
  }

  /** Answers at once: the record; null if the token is known not to exist; undefined if only `find` can tell. */
  peek(token: string): TokenRecord | null | undefined {
    return this.#cache.peek(tokenKey(hashOf(token)));
  }

  find(token: string): Promise<TokenRecord | undefined> {
    return this.#cache.find(tokenKey(hashOf(token)));
  }

  /** The app's tokens, oldest first. */
  async list(channel: ChannelId): Promise<TokenRecord[]> {
    const hashes = await this.#claims.ids(tokenClaimsKey(channel));
    const found = await Promise.all(
      hashes.map((hash) => unlessUnreadable(this.#store.get<TokenRecord>(tokenKey(hash)))),
    );
    const records = found.flatMap((record) => (record === undefined ? [] : [record.value]));
    return records.sort((a, b) => compare(a.createdAt, b.createdAt) || compare(a.source, b.source));
  }

  /**
   * Makes a token for an existing app; `token`: one that another record names already. Throws if the app is gone by the time
   * that the token exists.
   */
  async create(channel: ChannelId, source: string, marks?: TokenMarks, token?: Token): Promise<TokenRecord> {
    const record = await this.write(channel, source, marks, token);
    // This and `Apps.destroy` may run at the same time; one of the two finds the other's work.
    if (isGone(await this.#store.get<object>(appKey(channel)))) {
      await this.#remove(record);
      throw notFound("app");
    }
    return record;
  }

  /** `create` without a look at the app, for an app that is being made. */
  async write(
    channel: ChannelId,
    source: string,
    marks: TokenMarks = {},
    token = newToken(),
  ): Promise<TokenRecord> {
    if (!isSource(source)) throw sourceInvalid(source);
    const record: TokenRecord = {
      token,
      channel,
      source,
      createdAt: timeOf(this.#clock.nowMs()),
      ...marks,
    };
    const hash = hashOf(record.token);
    await this.#claims.claim(tokenClaimsKey(channel), hash);
    await this.#store.put(tokenKey(hash), record, 0);
    this.#cache.forget(tokenKey(hash));
    if (await this.#claims.confirm(tokenClaimsKey(channel), hash)) return record;
    await this.#remove(record); // this process stood still for so long that its claim was cleared
    throw recordContended();
  }

  /** False if there was no such token. */
  async revoke(token: string): Promise<boolean> {
    const found = await this.#store.get<TokenRecord>(tokenKey(hashOf(token)));
    if (found === undefined) return false;
    await this.#remove(found.value);
    return true;
  }

  /** Revokes all tokens of an app, including half-made ones. */
  async revokeAll(channel: ChannelId): Promise<void> {
    for (const hash of await this.#claims.ids(tokenClaimsKey(channel))) await this.#removeHash(channel, hash);
  }

  /** Idempotent. */
  close(): Promise<void> {
    return this.#cache.close();
  }

  #remove(record: TokenRecord): Promise<void> {
    return this.#removeHash(record.channel, hashOf(record.token));
  }

  async #removeHash(channel: ChannelId, hash: string): Promise<void> {
    await removeRecord(this.#store, tokenKey(hash));
    this.#cache.forget(tokenKey(hash));
    await this.#claims.drop(tokenClaimsKey(channel), hash);
  }
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

const isGone = (app: { readonly value: object } | undefined) =>
  app === undefined || "destroying" in app.value;
