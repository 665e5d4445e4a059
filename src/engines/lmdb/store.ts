/**
 * The store on LMDB. Revisions come from one counter for all keys, so that a key that comes back is never mistaken
 * for the old one; a start skips some revisions.
 */
import assert from "node:assert";
import { setImmediate as turn } from "node:timers/promises";
import type { Database } from "lmdb";
import type { AppError } from "../../errors/app-error.ts";
import { storeUnavailable } from "../../errors/store.ts";
import type { Store, StoreChange, StoreRecord } from "../../ports.ts";
import { ChangeFeed } from "../change-feed.ts";
import { isStoreKey, valueBytesMax } from "../engine.ts";
import { type Commits, commitWorksMax, type Work } from "./commits.ts";
import type { BinaryDb } from "./environment.ts";

/** Keys that `list` reads in one turn. */
const keysAtOnceMax = 256;
const revisionBytes = 8;
const revisionKey = Buffer.from("revision");

type RecordsDb = Database<Buffer, string>;

export class LmdbStore implements Store {
  readonly #records: Records;
  readonly #commits: Commits;
  readonly #feed = new ChangeFeed();
  #closed = false;

  constructor(records: Records, commits: Commits) {
    this.#records = records;
    this.#commits = commits;
  }

  async get<Value>(key: string): Promise<StoreRecord<Value> | undefined> {
    this.#assertOpen();
    return this.#records.get(key) as StoreRecord<Value> | undefined;
  }

  put(key: string, value: unknown, revision: number): Promise<number | undefined> {
    assert(isStoreKey(key), `not a key: ${key}`);
    const json = value === undefined ? undefined : JSON.stringify(value);
    assert(json === undefined || Buffer.byteLength(json) <= valueBytesMax, "a record is too large");
    return new Promise((resolve, reject) => {
      if (this.#closed) reject(storeUnavailable(new Error("the store is closed")));
      else
        this.#commits.submit(
          new Put(this.#records, this.#commits, this.#feed, key, json, revision, resolve, reject),
        );
    });
  }

  async *list<Value>(prefix: string): AsyncGenerator<StoreRecord<Value>> {
    this.#assertOpen();
    for (let after: string | undefined; !this.#closed; ) {
      const keys = this.#records.keys(prefix, after, keysAtOnceMax);
      for (const key of keys) {
        if (this.#closed) return;
        const record = this.#records.get(key);
        if (record !== undefined) yield record as StoreRecord<Value>;
      }
      if (keys.length < keysAtOnceMax) return;
      after = keys.at(-1);
      await turn();
    }
  }

  watch<Value>(prefix: string, signal: AbortSignal): AsyncIterable<StoreChange<Value> | "ready"> {
    const changes = this.#feed.watch(prefix, signal, (under) => this.list(under));
    return changes as AsyncIterable<StoreChange<Value> | "ready">;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#feed.close();
    await this.#commits.idle();
  }

  /** LMDB must not be read once it is closed. */
  #assertOpen(): void {
    if (this.#closed) throw storeUnavailable(new Error("the store is closed"));
  }
}

/** The records on the disk, and those of the transaction that is being formed. */
export class Records {
  readonly #db: RecordsDb;
  readonly #meta: BinaryDb;
  readonly #forming = new Map<string, number>();
  #revision: number;

  constructor(db: RecordsDb, meta: BinaryDb) {
    this.#db = db;
    this.#meta = meta;
    this.#revision = this.#meta.get(revisionKey)?.readDoubleLE(0) ?? 0;
  }

  get(key: string): StoreRecord | undefined {
    const stored = this.#db.get(key);
    if (stored === undefined) return undefined;
    const value: unknown = JSON.parse(stored.toString("utf8", revisionBytes));
    return { key, value, revision: stored.readDoubleLE(0) };
  }

  keys(prefix: string, after: string | undefined, limit: number): string[] {
    const start = after ?? prefix;
    const range = {
      ...(start !== "" && { start }),
      end: `${prefix}\x7f`,
      exclusiveStart: after !== undefined,
      limit,
    };
    return [...this.#db.getKeys(range)];
  }

  /** Within `write`: the key's revision in the transaction so far. */
  revision(key: string): number {
    return this.#forming.get(key) ?? this.#db.get(key)?.readDoubleLE(0) ?? 0;
  }

  /** Within `write`: puts a value, or removes the record if there is none; returns the new revision. */
  put(key: string, json: string | undefined, commits: Commits): number {
    // Written with the first record, so that no record is stored without it: a counter beyond all revisions that the
    // transaction may assign.
    if (this.#forming.size === 0)
      commits.put(this.#meta, revisionKey, recordOf(this.#revision + commitWorksMax, ""));
    const revision = ++this.#revision;
    if (json === undefined) commits.remove(this.#db, key);
    else commits.put(this.#db, key, recordOf(revision, json));
    this.#forming.set(key, json === undefined ? 0 : revision);
    return revision;
  }

  /** The transaction is formed, and will be over before the next one reads. */
  formed(): void {
    this.#forming.clear();
  }
}

function recordOf(revision: number, json: string): Buffer {
  const record = Buffer.allocUnsafe(revisionBytes + Buffer.byteLength(json));
  record.writeDoubleLE(revision, 0);
  record.write(json, revisionBytes, "utf8");
  return record;
}

/** One put on its way to the disk. */
class Put implements Work {
  readonly use = "upkeep";
  readonly bytes: number;
  readonly #records: Records;
  readonly #commits: Commits;
  readonly #feed: ChangeFeed;
  readonly #key: string;
  readonly #json: string | undefined;
  readonly #expected: number;
  readonly #resolve: (revision: number | undefined) => void;
  readonly failed: (error: AppError) => void;
  #revision: number | undefined;

  constructor(
    records: Records,
    commits: Commits,
    feed: ChangeFeed,
    key: string,
    json: string | undefined,
    expected: number,
    resolve: (revision: number | undefined) => void,
    reject: (error: AppError) => void,
  ) {
    this.bytes = json?.length ?? 0;
    this.#records = records;
    this.#commits = commits;
    this.#feed = feed;
    this.#key = key;
    this.#json = json;
    this.#expected = expected;
    this.#resolve = resolve;
    this.failed = reject;
  }

  write(): void {
    if (this.#records.revision(this.#key) !== this.#expected) return;
    const nothing = this.#json === undefined && this.#expected === 0;
    this.#revision = nothing ? 0 : this.#records.put(this.#key, this.#json, this.#commits);
  }

  stored(): void {
    const revision = this.#revision;
    if (revision && this.#feed.passes(this.#key, revision)) {
      const value: unknown = this.#json === undefined ? undefined : JSON.parse(this.#json);
      this.#feed.publish({ key: this.#key, value, revision });
    }
    this.#resolve(revision);
  }
}
