/**
 * One record of the Store that one process writes at a time. Each put is checked by the revision: once somebody else
 * wrote it nothing is written here any more. A put whose answer was lost is no conflict with oneself.
 */
import type { Store } from "../../ports.ts";

/** The outcome of a put. `conflict`: somebody else wrote the record. */
export type Put = "written" | "conflict";

export class OwnedRecord<Value> {
  readonly #store: Store;
  readonly #key: string;
  #revision: number;
  /** Set while a put is under way; left when that failed: it may have been written all the same. */
  #uncertain: Value | undefined;

  /** The record as it was read: `revision` is 0 when there was none. */
  constructor(store: Store, key: string, revision: number) {
    this.#store = store;
    this.#key = key;
    this.#revision = revision;
  }

  /**
   * Calls one of the two, `failed` when the Store fails: it may be tried again. Resolves behind that. Thousands of drains wait for
   * the Store at once, so this makes one promise for a put, and keeps nothing else.
   */
  put(value: Value, done: (put: Put) => void, failed: (cause: unknown) => void): Promise<void> {
    const uncertain = this.#uncertain;
    if (uncertain === undefined) return this.#put(value, done, failed);
    return this.#settle(uncertain).then(() => this.#put(value, done, failed), failed);
  }

  #put(value: Value, done: (put: Put) => void, failed: (cause: unknown) => void): Promise<void> {
    this.#uncertain = value;
    return this.#store.put(this.#key, value, this.#revision).then((revision) => {
      this.#uncertain = undefined;
      if (revision !== undefined) this.#revision = revision;
      done(revision === undefined ? "conflict" : "written");
    }, failed);
  }

  async #settle(uncertain: Value): Promise<void> {
    const found = await this.#store.get<Value>(this.#key);
    if (found !== undefined && JSON.stringify(found.value) === JSON.stringify(uncertain)) {
      this.#revision = found.revision;
    }
  }
}
