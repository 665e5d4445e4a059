import { expect, test } from "vitest";
import type { StoredBatch } from "../../src/core/batch/batch.ts";
import { formatBatch, formattingOf } from "../../src/core/format/format.ts";
import { FormatCache } from "../../src/tail/format-cache.ts";
import { turnMsMax } from "../../src/turns.ts";
import { batchOf } from "../support/batches.ts";

const shape = { format: "text", transport: "events" } as const;
const all = { skip: 0 };
const stored = (texts: readonly string[]): StoredBatch => ({
  ...batchOf(texts),
  sequence: 0,
  line: 0,
  incarnation: "test0",
});

/** A cache that counts what it begins, and whose formatting takes `busyMs` between two looks at the clock. */
function open({ bytesMax = 1 << 20, busyMs = 0 } = {}) {
  const counts = { begun: 0, goes: 0 };
  const cache = new FormatCache({
    bytesMax,
    begin: (...args) => {
      counts.begun++;
      const formatting = formattingOf(...args);
      return {
        go: (isOver) => {
          counts.goes++;
          return formatting.go(() => {
            for (const startMs = performance.now(); performance.now() - startMs < busyMs; );
            return isOver();
          });
        },
      };
    },
  });
  return { cache, counts };
}

test("a batch is formatted once for all who want it in the same shape", async () => {
  const { cache, counts } = open();
  const batch = stored(["a", "b"]);
  const first = await cache.get(batch, shape, all);
  expect(first).toEqual(formatBatch(batch, shape, all));
  expect(cache.get(batch, shape, all)).toBe(first);
  expect(counts.begun).toBe(1);
  const kept = { kept: Uint8Array.of(1, 0), skip: 0 };
  expect(await cache.get(batch, shape, kept, "filter")).toMatchObject({ count: 1 });
  await cache.get(batch, { ...shape, format: "raw" }, all);
  await cache.get(batch, shape, { skip: 1 });
  expect(counts.begun).toBe(4);
});

test("much is formatted in several turns, once for all who want it meanwhile", async () => {
  const { cache, counts } = open({ busyMs: turnMsMax });
  const batch = stored([`${"x\n".repeat(200)}end`]);
  const asked = [1, 2, 3].map(() => cache.get(batch, shape, all));
  expect(asked[0]).toBeInstanceOf(Promise);
  const [one, ...others] = await Promise.all(asked);
  expect(one).toEqual(formatBatch(batch, shape, all));
  for (const other of others) expect(other).toBe(one);
  expect(counts.begun).toBe(1);
  expect(counts.goes).toBeGreaterThan(2);
  expect(cache.get(batch, shape, all)).toBe(one);
});

test("what is larger than all may be is not kept", async () => {
  const { cache, counts } = open({ bytesMax: 300 });
  const batch = stored(["x".repeat(200)]);
  await cache.get(batch, shape, all);
  await cache.get(batch, shape, all);
  expect(counts.begun).toBe(2);
});

test("of results that take several turns, few are under way, and what waits has begun nothing", async () => {
  const { cache, counts } = open({ busyMs: turnMsMax });
  const batch = stored([`${"x\n".repeat(200)}end`]);
  const names = Array.from({ length: 40 }, (_, n) => `filter ${n}`);
  const asked = names.map((name) => cache.get(batch, shape, all, name));
  expect(counts.begun).toBeLessThanOrEqual(5); // and the one that this turn had no time for
  const made = await Promise.all(asked);
  for (const formatted of made) expect(formatted).toEqual(formatBatch(batch, shape, all));
});
