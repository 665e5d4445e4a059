/**
 * A bounded cache of the records under one prefix, kept correct on every node by watching the Store. Absent records are
 * cached too, but separately, so that guesses displace no record that is used. While the watch is down (at the start,
 * after a failure), nothing is cached and every `find` reads the Store.
 */
import type { LRUCache } from "lru-cache";
import { lastUsed } from "../core/last-used.ts";
import type { Clock, Store, StoreChange } from "../ports.ts";
import { joined } from "../turns.ts";
import { followRecords } from "./follow-records.ts";

export class RecordCache<Value extends object> {
  readonly #store: Store;
  readonly #prefix: string;
  readonly #known: LRUCache<string, Value>;
  readonly #unknown: LRUCache<string, true>;
  /**
   * Reads of the Store under way, one per key. A read that a change overtook is removed from here, and its result is
   * not cached.
   */
  readonly #reads = new Map<string, Promise<Value | undefined>>();
  readonly #stop = new AbortController();
  readonly #watching: Promise<void>;
  #live = false;
  /** The number of changes that were reported. */
  #changes = 0;

  /** `entriesMax` bounds present and absent records separately; the least recently used is evicted. */
  constructor(options: { store: Store; clock: Clock; prefix: string; entriesMax: number }) {
    this.#store = options.store;
    this.#prefix = options.prefix;
    this.#known = lastUsed(options.entriesMax);
    this.#unknown = lastUsed(options.entriesMax);
    this.#watching = this.#watch(options.clock);
  }

  /** Results of `peek` are valid as long as this stays the same. It is NaN, never the same, while the watch is down. */
  get version(): number {
    return this.#live ? this.#changes : Number.NaN;
  }

  /** Answers at once: the record; null if it is known to be absent; undefined if only `find` can tell. */
  peek(key: string): Value | null | undefined {
    return this.#known.get(key) ?? (this.#unknown.has(key) ? null : undefined);
  }

  async find(key: string): Promise<Value | undefined> {
    const cached = this.peek(key);
    if (cached !== undefined) return cached ?? undefined;
    const asked = this.#reads.get(key);
    return asked === undefined ? this.#read(key) : joined(asked, key);
  }

  /** Call it after your own put, so that the change counts here before the watch reports it. */
  forget(key: string): void {
    this.#changes++;
    this.#known.delete(key);
    this.#unknown.delete(key);
    this.#reads.delete(key);
  }

  /** Idempotent. */
  close(): Promise<void> {
    this.#stop.abort();
    return this.#watching;
  }

  #read(key: string): Promise<Value | undefined> {
    const read: Promise<Value | undefined> = this.#store
      .get<Value>(key)
      .then((found) => {
        if (this.#live && this.#reads.get(key) === read) this.#keep(key, found?.value);
        return found?.value;
      })
      .finally(() => {
        if (this.#reads.get(key) === read) this.#reads.delete(key);
      });
    this.#reads.set(key, read);
    return read;
  }

  #keep(key: string, value: Value | undefined): void {
    if (value === undefined) this.#unknown.set(key, true);
    else this.#known.set(key, value);
  }

  #watch(clock: Clock): Promise<void> {
    return followRecords<Value>({ store: this.#store, clock }, this.#prefix, this.#stop.signal, {
      onUp: () => {
        this.#live = true;
      },
      onDown: () => {
        this.#live = false;
        this.#changes++;
        this.#known.clear();
        this.#unknown.clear();
        this.#reads.clear();
      },
      onRecord: (change) => this.#follow(change),
    });
  }

  // An unreadable record is not cached: the Store refuses whoever asks for it.
  #follow({ key, value, isUnreadable }: StoreChange<Value>): void {
    const wanted = this.peek(key) !== undefined || this.#reads.has(key);
    this.forget(key);
    if (this.#live && wanted && !isUnreadable) this.#keep(key, value);
  }
}
