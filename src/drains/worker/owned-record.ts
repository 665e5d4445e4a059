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

  /** Rejects when the Store fails: it may be tried again. */
  async put(value: Value): Promise<Put> {
    if (this.#uncertain !== undefined) await this.#settle(this.#uncertain);
    this.#uncertain = value;
    const revision = await this.#store.put(this.#key, value, this.#revision);
    this.#uncertain = undefined;
    if (revision === undefined) return "conflict";
    this.#revision = revision;
    return "written";
  }

  async #settle(uncertain: Value): Promise<void> {
    const found = await this.#store.get<Value>(this.#key);
    if (found !== undefined && JSON.stringify(found.value) === JSON.stringify(uncertain)) {
      this.#revision = found.revision;
    }
  }
}
