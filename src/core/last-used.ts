import { LRUCache } from "lru-cache";

/**
 * The last used of many: at most `max` of them, and the one not used for longest goes. By a `max` of its own the cache takes room
 * for all of them when it is made, 2.8 MB for 100,000; this one grows with what is in it.
 */
export const lastUsed = <Key extends {}, Value extends {}>(max: number): LRUCache<Key, Value> =>
  new LRUCache({ maxSize: max, sizeCalculation: () => 1 });
