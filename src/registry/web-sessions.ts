/**
 * Browsers that are signed in. Each holds 256 random bits in a cookie, of which the Store keeps the hash. It stands for
 * its key: whatever becomes of that holds for the browser at once, on every node.
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
import { timeOf } from "./time.ts";
import { removeRecord } from "./update.ts";

/** From the sign-in on, whatever is done meanwhile. */
export const webSessionMs = 12 * 3_600_000;
/** Sessions of one key; the oldest makes room. */
export const webSessionsPerKeyMax = 20;
/** Sessions of a server; expired ones make room. */
const webSessionsMax = 2_000;

const prefix = recordPrefixes.webSession;
const cookieForm = /^[A-Za-z0-9_-]{43}$/;

/** Somebody signed in: `secret` is for the cookie. */
type SignedIn = { readonly secret: string; readonly principal: Principal; readonly expiresAt: string };

export class WebSessions {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #keys: Keys;
  readonly #cache: RecordCache<WebSessionRecord>;
  readonly #sessionsMax: number;

  constructor(options: { store: Store; clock: Clock; keys: Keys; sessionsMax?: number }) {
    const { store, clock, keys, sessionsMax = webSessionsMax } = options;
    this.#store = store;
    this.#clock = clock;
    this.#keys = keys;
    this.#sessionsMax = sessionsMax;
    this.#cache = new RecordCache({ store, clock, prefix, entriesMax: sessionsMax });
  }

  /** Signs in with a key; undefined when it is nobody's. Throws `webSessionsFull`. */
  async open(key: string): Promise<SignedIn | undefined> {
    const principal = await this.#keys.authenticate(key);
    if (principal === undefined) return undefined;
    const keyHash = hashOf(key);
    await this.#makeRoom(keyHash);
    const secret = randomBytes(32).toString("base64url");
    const nowMs = this.#clock.nowMs();
    const expiresAt = timeOf(nowMs + webSessionMs);
    const record: WebSessionRecord = { keyHash, createdAt: timeOf(nowMs), expiresAt };
    const at = webSessionKey(hashOf(secret));
    await this.#store.put(at, record, 0);
    this.#cache.forget(at);
    return { secret, principal, expiresAt };
  }

  /** The principal of that browser; undefined when it is signed out, expired, or its key is over. */
  async find(secret: string): Promise<{ principal: Principal; expiresAt: string } | undefined> {
    if (!cookieForm.test(secret)) return undefined;
    const record = await this.#cache.find(webSessionKey(hashOf(secret)));
    if (record === undefined || this.#isExpired(record)) return undefined;
    const principal = await this.#keys.principalOf(record.keyHash);
    return principal && { principal, expiresAt: record.expiresAt };
  }

  /** Signs out. Fine when nobody is signed in by that. */
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

  async #makeRoom(keyHash: string): Promise<void> {
    const ofKey: { readonly at: string; readonly createdAt: string }[] = [];
    let count = 0;
    for await (const { key: at, value } of this.#store.list<WebSessionRecord>(prefix)) {
      if (this.#isExpired(value)) await removeRecord(this.#store, at);
      else {
        count++;
        if (value.keyHash === keyHash) ofKey.push({ at, createdAt: value.createdAt });
      }
    }
    ofKey.sort((a, b) => (a.createdAt < b.createdAt ? -1 : 1));
    for (const { at } of ofKey.slice(0, Math.max(0, ofKey.length - webSessionsPerKeyMax + 1))) {
      await removeRecord(this.#store, at);
      this.#cache.forget(at);
      count--;
    }
    if (count >= this.#sessionsMax) throw webSessionsFull(this.#sessionsMax);
  }
}
