/**
 * A bounded cache of the records below one prefix, kept true by watching the Store, so that it holds on every node.
 * Absent records are remembered too, in a part of their own, so that guesses displace no record that is used. While the
 * watch is down (at the start, after a failure) nothing is kept and every `find` reads the Store.
 */
import type { LRUCache } from "lru-cache";
import { lastUsed } from "../core/last-used.ts";
import type { Clock, Store } from "../ports.ts";
import { followRecords } from "./follow-records.ts";

export class RecordCache<Value extends object> {
  readonly #store: Store;
  readonly #prefix: string;
  readonly #known: LRUCache<string, Value>;
  readonly #unknown: LRUCache<string, true>;
  /**
   * Reads of the Store under way, one for each key. A read that a change overtook is taken out, and its result is not
   * kept.
   */
  readonly #reads = new Map<string, Promise<Value | undefined>>();
  readonly #stop = new AbortController();
  readonly #watching: Promise<void>;
  #live = false;
  /** Changes of records that were told of. */
  #changes = 0;

  /** `entriesMax` bounds the present and the absent records each; the one not used for longest goes. */
  constructor(options: { store: Store; clock: Clock; prefix: string; entriesMax: number }) {
    this.#store = options.store;
    this.#prefix = options.prefix;
    this.#known = lastUsed(options.entriesMax);
    this.#unknown = lastUsed(options.entriesMax);
    this.#watching = this.#watch(options.clock);
  }

  /** Answers of `peek` hold as long as this is the same number. It is none while the watch is down. */
  get version(): number {
    return this.#live ? this.#changes : Number.NaN;
  }

  /** Answers at once: the record, null when it is known to be absent, undefined when only `find` can tell. */
  peek(key: string): Value | null | undefined {
    return this.#known.get(key) ?? (this.#unknown.has(key) ? null : undefined);
  }

  async find(key: string): Promise<Value | undefined> {
    const cached = this.peek(key);
    if (cached !== undefined) return cached ?? undefined;
    return this.#reads.get(key) ?? this.#read(key);
  }

  /** To be called after a put of one's own, so that it holds here before the watch tells. */
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
      onRecord: (key, value, isUnreadable) => this.#follow(key, value, isUnreadable),
    });
  }

  // An unreadable record is not kept: whoever asks for it is refused by the Store.
  #follow(key: string, value: Value | undefined, isUnreadable: boolean): void {
    const wanted = this.peek(key) !== undefined || this.#reads.has(key);
    this.forget(key);
    if (this.#live && wanted && !isUnreadable) this.#keep(key, value);
  }
}
