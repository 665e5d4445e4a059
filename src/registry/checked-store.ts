/**
 * The Store as features see it: records are checked when they are read. A record that cannot be used is reported in
 * the server's log, with its key and none of its values. `get` refuses it (`recordUnreadable`), `list` skips it, and
 * `watch` says that it exists and is unreadable. It is left as it is, because the program that wrote it can still use
 * it.
 */
import { LRUCache } from "lru-cache";
import type { Logger } from "pino";
import { AppError } from "../errors/app-error.ts";
import { recordUnreadable } from "../errors/drains.ts";
import type { Store, StoreChange, StoreRecord } from "../ports.ts";
import { turns } from "../turns.ts";
import { flawOfRecord } from "./record-checks.ts";

/** Flaws that were reported, by key and revision; a forgotten one is reported again. */
const loggedMax = 1_000;

/** The cause of `recordUnreadable`: `revision` is for whoever removes or replaces the record. */
class UnreadableRecord extends Error {
  readonly revision: number;

  constructor(revision: number) {
    super("the record has another form");
    this.revision = revision;
  }
}

/** The cause, if a failure says that a record is unreadable. */
export const unreadableIn = (failure: unknown): UnreadableRecord | undefined =>
  failure instanceof AppError && failure.cause instanceof UnreadableRecord ? failure.cause : undefined;

/** The result of `read`; undefined when it rejects because a record is unreadable. */
export const unlessUnreadable = <Value>(read: Promise<Value>): Promise<Value | undefined> =>
  read.catch((failure: unknown) => {
    if (unreadableIn(failure) === undefined) throw failure;
    return undefined;
  });

/** The revision of the record at `key`, whatever it holds; 0 when there is none. */
export async function revisionOf(store: Store, key: string): Promise<number> {
  try {
    return (await store.get(key))?.revision ?? 0;
  } catch (failure) {
    const unreadable = unreadableIn(failure);
    if (unreadable === undefined) throw failure;
    return unreadable.revision;
  }
}

export class CheckedStore implements Store {
  readonly #store: Store;
  readonly #logger: Pick<Logger, "error">;
  readonly #logged = new LRUCache<string, number>({ max: loggedMax });

  constructor(store: Store, logger: Pick<Logger, "error">) {
    this.#store = store;
    this.#logger = logger;
  }

  async get<Value>(key: string): Promise<StoreRecord<Value> | undefined> {
    const found = await this.#store.get<Value>(key);
    const flaw = found && this.#flawOf(found);
    if (flaw !== undefined) throw recordUnreadable(key, flaw, new UnreadableRecord(found!.revision));
    return found;
  }

  put(key: string, value: unknown, revision: number): Promise<number | undefined> {
    return this.#store.put(key, value, revision);
  }

  async *list<Value>(prefix: string): AsyncIterable<StoreRecord<Value>> {
    for await (const record of this.#store.list<Value>(prefix)) {
      if (this.#flawOf(record) === undefined) yield record;
      if (turns.isOver) await turns.next("records"); // engines have hundreds of records at hand
    }
  }

  async *watch<Value>(prefix: string, signal: AbortSignal): AsyncIterable<StoreChange<Value> | "ready"> {
    for await (const change of this.#store.watch<Value>(prefix, signal)) {
      if (change === "ready" || change.value === undefined || this.#flawOf(change) === undefined)
        yield change;
      else yield { ...change, value: undefined, isUnreadable: true };
    }
  }

  close(): Promise<void> {
    return this.#store.close();
  }

  #flawOf({ key, value, revision }: StoreChange): string | undefined {
    const flaw = flawOfRecord(key, value);
    if (flaw !== undefined && this.#logged.get(key) !== revision) {
      this.#logged.set(key, revision);
      this.#logger.error({ key }, `a record of the store cannot be used and is left alone: ${flaw}`);
    }
    return flaw;
  }
}
