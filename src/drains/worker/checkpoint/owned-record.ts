/**
 * One record of the Store that one process writes at a time. Each put checks the revision: once somebody else has
 * written the record, nothing more is written here. A put whose answer was lost does not count as a conflict.
 */
import type { Store } from "../../../ports.ts";

/** The outcome of a put. `conflict`: somebody else wrote the record. */
export type Put = "written" | "conflict";

export class OwnedRecord<Value> {
  readonly #store: Store;
  readonly #key: string;
  #revision: number;
  /** Set while a put is under way, and kept if that fails, because it may have been written all the same. */
  #uncertain: Value | undefined;

  /** The record as it was read; `revision` is 0 if there was none. */
  constructor(store: Store, key: string, revision: number) {
    this.#store = store;
    this.#key = key;
    this.#revision = revision;
  }

  /**
   * Calls `done`, or `failed` when the Store fails and the put may be tried again; resolves after that. Makes only one
   * promise per put, because thousands of drains wait for the Store at once.
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
