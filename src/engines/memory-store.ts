/** The model of a Store: records in memory. */
import assert from "node:assert";
import type { Store, StoreChange, StoreRecord } from "../ports.ts";
import { ChangeFeed } from "./change-feed.ts";
import { isStoreKey, valueBytesMax } from "./engine.ts";

export class MemoryStore implements Store {
  /** Values are kept as JSON, so that nobody can change a record through an object that they were given. */
  readonly #records = new Map<string, { readonly json: string; readonly revision: number }>();
  readonly #feed = new ChangeFeed();
  #revision = 0;

  async get<Value>(key: string): Promise<StoreRecord<Value> | undefined> {
    return this.#read<Value>(key);
  }

  async put(key: string, value: unknown, revision: number): Promise<number | undefined> {
    assert(isStoreKey(key), `not a key: ${key}`);
    const json = value === undefined ? undefined : JSON.stringify(value);
    assert(json === undefined || Buffer.byteLength(json) <= valueBytesMax, "a record is too large");
    if ((this.#records.get(key)?.revision ?? 0) !== revision) return undefined;
    if (json === undefined && revision === 0) return 0;
    this.#revision++;
    if (json === undefined) this.#records.delete(key);
    else this.#records.set(key, { json, revision: this.#revision });
    this.#feed.publish({ key, value: json && JSON.parse(json), revision: this.#revision });
    return this.#revision;
  }

  async *list<Value>(prefix: string): AsyncGenerator<StoreRecord<Value>> {
    const keys = [...this.#records.keys()].filter((key) => key.startsWith(prefix)).sort();
    for (const key of keys) {
      const record = this.#read<Value>(key);
      if (record !== undefined) yield record;
    }
  }

  watch<Value>(prefix: string, signal: AbortSignal): AsyncIterable<StoreChange<Value> | "ready"> {
    const changes = this.#feed.watch(prefix, signal, (under) => this.list(under));
    return changes as AsyncIterable<StoreChange<Value> | "ready">;
  }

  async close(): Promise<void> {
    this.#feed.close();
  }

  #read<Value>(key: string): StoreRecord<Value> | undefined {
    const found = this.#records.get(key);
    return found && { key, value: JSON.parse(found.json) as Value, revision: found.revision };
  }
}
