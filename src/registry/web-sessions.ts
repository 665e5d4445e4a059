/**
 * Signed-in browsers. Each has 256 random bits in a cookie, of which the Store keeps the hash. A browser stands for its
 * key: whatever happens to the key applies to the browser at once, on every node.
 */
import { randomBytes } from "node:crypto";
import { recordPrefixes, webSessionKey } from "../core/records/record-keys.ts";
import { webSessionsFull } from "../errors/web.ts";
import type { Clock, Store } from "../ports.ts";
import type { Keys } from "./keys.ts";
import type { Principal } from "./principal.ts";
import { RecordCache } from "./record-cache.ts";
import type { WebSessionRecord } from "./records.ts";
import { hashOf } from "./secrets.ts";
import { shared } from "./shared.ts";
import { timeOf } from "./time.ts";
import { removeRecord } from "./update.ts";

/** From the sign-in, regardless of activity. */
export const webSessionMs = 12 * 3_600_000;
/** Sessions per key; a new one replaces the oldest. */
export const webSessionsPerKeyMax = 20;
/** Sessions per server; expired ones are removed to make room. */
const webSessionsMax = 2_000;

const prefix = recordPrefixes.webSession;
const cookieForm = /^[A-Za-z0-9_-]{43}$/;

/** The result of a sign-in: `secret` is for the cookie. */
type SignedIn = { readonly secret: string; readonly principal: Principal; readonly expiresAt: string };

export class WebSessions {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #keys: Keys;
  readonly #cache: RecordCache<WebSessionRecord>;
  readonly #sessionsMax: number;
  /** One reading of all sessions for all who sign in at the same time. */
  readonly #present = shared(() => this.#read());

  constructor(options: { store: Store; clock: Clock; keys: Keys; sessionsMax?: number }) {
    const { store, clock, keys, sessionsMax = webSessionsMax } = options;
    this.#store = store;
    this.#clock = clock;
    this.#keys = keys;
    this.#sessionsMax = sessionsMax;
    this.#cache = new RecordCache({ store, clock, prefix, entriesMax: sessionsMax });
  }

  /** Signs in with a key; undefined if the key is not valid. Throws `webSessionsFull`. */
  async open(key: string): Promise<SignedIn | undefined> {
    const principal = await this.#keys.authenticate(key);
    if (principal === undefined) return undefined;
    const secret = randomBytes(32).toString("base64url");
    const nowMs = this.#clock.nowMs();
    const expiresAt = timeOf(nowMs + webSessionMs);
    const record: WebSessionRecord = { keyHash: hashOf(key), createdAt: timeOf(nowMs), expiresAt };
    const at = webSessionKey(hashOf(secret));
    for (const replaced of this.#makeRoom(await this.#present(), { at, ...record })) {
      await removeRecord(this.#store, replaced);
      this.#cache.forget(replaced);
    }
    await this.#store.put(at, record, 0);
    this.#cache.forget(at);
    return { secret, principal, expiresAt };
  }

  /** The principal of a browser; undefined if it is signed out or expired, or its key is no longer valid. */
  async find(secret: string): Promise<{ principal: Principal; expiresAt: string } | undefined> {
    if (!cookieForm.test(secret)) return undefined;
    const record = await this.#cache.find(webSessionKey(hashOf(secret)));
    if (record === undefined || this.#isExpired(record)) return undefined;
    const principal = await this.#keys.principalOf(record.keyHash);
    return principal && { principal, expiresAt: record.expiresAt };
  }

  /** Signs out. No error if there is no such session. */
  async close(secret: string): Promise<void> {
    if (!cookieForm.test(secret)) return;
    const at = webSessionKey(hashOf(secret));
    await removeRecord(this.#store, at);
    this.#cache.forget(at);
  }

  /** Idempotent. */
  stop(): Promise<void> {
    return this.#cache.close();
  }

  #isExpired({ expiresAt }: WebSessionRecord): boolean {
    return this.#clock.nowMs() >= Date.parse(expiresAt);
  }

  /** Those that have not expired; the others are removed. */
  async #read(): Promise<Set<Present>> {
    const present = new Set<Present>();
    for await (const { key: at, value } of this.#store.list<WebSessionRecord>(prefix)) {
      if (this.#isExpired(value)) await removeRecord(this.#store, at);
      else present.add({ at, keyHash: value.keyHash, createdAt: value.createdAt });
    }
    return present;
  }

  /** Takes a place for `own` among the sessions that all who sign in at this time share; returns those that it replaces. */
  #makeRoom(present: Set<Present>, own: Present): readonly string[] {
    const ofKey = [...present].filter(({ keyHash }) => keyHash === own.keyHash);
    ofKey.sort((a, b) => (a.createdAt < b.createdAt ? -1 : 1));
    const replaced = ofKey.slice(0, Math.max(0, ofKey.length - webSessionsPerKeyMax + 1));
    if (present.size - replaced.length >= this.#sessionsMax) throw webSessionsFull(this.#sessionsMax);
    for (const session of replaced) present.delete(session);
    present.add(own);
    return replaced.map(({ at }) => at);
  }
}

/** A session that is in the Store, or is about to be. */
type Present = Pick<WebSessionRecord, "keyHash" | "createdAt"> & { readonly at: string };
