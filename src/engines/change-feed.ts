/** The changes of a store within one process, for `watch`: first the records, then `ready`, then the changes. */
import type { StoreChange, StoreRecord } from "../ports.ts";

/**
 * A watcher that is this far behind gets only the last change of each key; that is bounded by the number of records.
 */
const changesMax = 10_000;

type Watcher = {
  readonly prefix: string;
  /** Revisions that the list contained before the feed reported them. */
  readonly seen: Map<string, number>;
  queue: StoreChange[];
  ended: boolean;
  wake: () => void;
};

/** Passes each published change to every watcher whose prefix fits. */
export class ChangeFeed {
  readonly #watchers = new Set<Watcher>();
  #published = 0;
  #closed = false;

  /** Call in the order of revisions. Returns false when nobody watches the key, so that it need not be read. */
  passes(key: string, revision: number): boolean {
    this.#published = revision;
    for (const { prefix } of this.#watchers) if (key.startsWith(prefix)) return true;
    return false;
  }

  /** Call in the order of revisions. */
  publish(change: StoreChange): void {
    this.#published = change.revision;
    for (const watcher of this.#watchers) {
      if (!change.key.startsWith(watcher.prefix)) continue;
      if ((watcher.seen.get(change.key) ?? 0) >= change.revision) continue;
      watcher.queue.push(change);
      if (watcher.queue.length > changesMax) watcher.queue = lastOfEachKey(watcher.queue);
      watcher.wake();
    }
  }

  /** `Store.watch` on top of `list`, which reads each record when it reaches it. */
  async *watch(
    prefix: string,
    signal: AbortSignal,
    list: (prefix: string) => AsyncIterable<StoreRecord>,
  ): AsyncGenerator<StoreChange | "ready"> {
    const watcher: Watcher = { prefix, seen: new Map(), queue: [], ended: false, wake: () => {} };
    const end = () => {
      watcher.ended = true;
      watcher.wake();
    };
    if (signal.aborted || this.#closed) return;
    signal.addEventListener("abort", end, { once: true });
    this.#watchers.add(watcher);
    try {
      for await (const record of list(prefix)) {
        if (watcher.ended) return;
        const { key, revision } = record;
        if (revision > this.#published) watcher.seen.set(key, revision);
        if (watcher.queue.length > 0) {
          watcher.queue = watcher.queue.filter((c) => c.key !== key || c.revision > revision);
        }
        yield record;
      }
      if (watcher.ended) return;
      yield "ready";
      while (!watcher.ended) {
        const changes = watcher.queue;
        watcher.queue = [];
        for (const change of changes) {
          if (watcher.ended) return;
          yield change;
        }
        if (changes.length === 0 && !watcher.ended) {
          await new Promise<void>((resolve) => {
            watcher.wake = resolve;
          });
        }
      }
    } finally {
      signal.removeEventListener("abort", end);
      this.#watchers.delete(watcher);
    }
  }

  /** Ends every watcher. */
  close(): void {
    this.#closed = true;
    for (const watcher of this.#watchers) {
      watcher.ended = true;
      watcher.wake();
    }
  }
}

const lastOfEachKey = (changes: readonly StoreChange[]): StoreChange[] => {
  const last = new Map<string, StoreChange>();
  for (const change of changes) {
    last.delete(change.key);
    last.set(change.key, change);
  }
  return [...last.values()];
};
