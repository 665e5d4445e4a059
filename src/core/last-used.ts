import { LRUCache } from "lru-cache";

/**
 * A cache of the `max` most recently used entries. With a `max` of its own, `lru-cache` allocates room for all
 * entries when it is created, 2.8 MB for 100,000; this one grows with its contents.
 */
export const lastUsed = <Key extends {}, Value extends {}>(max: number): LRUCache<Key, Value> =>
  new LRUCache({ maxSize: max, sizeCalculation: () => 1 });
