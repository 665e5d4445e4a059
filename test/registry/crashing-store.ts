/** A Store that dies before a given write, as a process killed there would leave it. */
import type { Store } from "../../src/ports.ts";

export class Crash extends Error {}

/** Every put but the first `writes` throws, reads too from then on. */
export function crashAfter(store: Store, writes: number): Store & { readonly crashed: boolean } {
  let left = writes;
  let crashed = false;
  return {
    get crashed() {
      return crashed;
    },
    get: (key) => (crashed ? Promise.reject(new Crash()) : store.get(key)),
    put: (key, value, revision) => {
      if (left-- <= 0) crashed = true;
      return crashed ? Promise.reject(new Crash()) : store.put(key, value, revision);
    },
    list: (prefix) => store.list(prefix),
    watch: (prefix, signal) => store.watch(prefix, signal),
    close: async () => {},
  };
}

/** All keys that the store has, but for settings. */
export async function keysIn(store: Store): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list("")) if (!key.startsWith("setting/")) keys.push(key);
  return keys;
}
