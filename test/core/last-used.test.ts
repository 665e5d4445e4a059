import fc from "fast-check";
import { LRUCache } from "lru-cache";
import { expect, test } from "vitest";
import { lastUsed } from "../../src/core/last-used.ts";

test("whatever is set, read and deleted: it holds what a cache with room from the start holds", () => {
  const step = fc.record({ kind: fc.constantFrom("set", "get", "delete"), key: fc.nat(12) });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 8 }), fc.array(step, { maxLength: 80 }), (max, steps) => {
      const [cache, oracle] = [lastUsed<number, string>(max), new LRUCache<number, string>({ max })];
      for (const [n, { kind, key }] of steps.entries()) {
        for (const one of [cache, oracle]) {
          if (kind === "set") one.set(key, String(n));
          else if (kind === "get") one.get(key);
          else one.delete(key);
        }
        expect([...cache.entries()]).toEqual([...oracle.entries()]);
      }
    }),
  );
});
