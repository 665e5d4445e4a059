/** A Store of one process in little code. */
import type { Store, StoreChange } from "../../src/ports.ts";

export function openSmallStore(): Store {
  type Stored = { value: unknown; revision: number };
  const records = new Map<string, Stored>();
  const watchers = new Set<{ prefix: string; tell: (change: StoreChange) => void }>();
  const stop = new AbortController();
  let revision = 0;
  const found = (key: string) => {
    const record = records.get(key);
    return record && { key, value: structuredClone(record.value) as never, revision: record.revision };
  };
  const keysOf = (prefix: string) => [...records.keys()].filter((key) => key.startsWith(prefix)).sort();
  return {
    async get(key) {
      await Promise.resolve();
      return found(key);
    },
    async put(key, value, expected) {
      await Promise.resolve();
      if (!/^[A-Za-z0-9_=./-]{1,255}$/.test(key)) throw new TypeError(`not a key: ${key}`);
      if ((records.get(key)?.revision ?? 0) !== expected) return undefined;
      revision++;
      const copy = value === undefined ? undefined : JSON.parse(JSON.stringify(value));
      if (copy === undefined) records.delete(key);
      else records.set(key, { value: copy, revision });
      for (const { prefix, tell } of watchers)
        if (key.startsWith(prefix)) tell({ key, value: copy, revision });
      return revision;
    },
    async *list(prefix) {
      for (const key of keysOf(prefix)) {
        const record = found(key);
        if (record) yield record;
      }
    },
    async *watch(prefix, signal) {
      const ended = AbortSignal.any([signal, stop.signal]);
      const queue: (StoreChange<never> | "ready")[] = keysOf(prefix).map((key) => found(key)!);
      queue.push("ready");
      let wake = () => {};
      const watcher = {
        prefix,
        tell: (change: StoreChange) => {
          queue.push(change as StoreChange<never>);
          wake();
        },
      };
      watchers.add(watcher);
      ended.addEventListener("abort", () => wake());
      try {
        while (!ended.aborted) {
          const next = queue.shift();
          if (next !== undefined) yield next;
          else await new Promise<void>((resolve) => (wake = resolve));
        }
      } finally {
        watchers.delete(watcher);
      }
    },
    async close() {
      stop.abort();
    },
  };
}
