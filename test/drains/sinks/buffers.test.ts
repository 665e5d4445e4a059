import fc from "fast-check";
import { expect, test } from "vitest";
import { BufferPool } from "../../../src/drains/sinks/buffers.ts";

const kib = 1024;

test("memory that was given is taken again, for less too", () => {
  const pool = new BufferPool(1 << 20);
  const first = pool.take(60 * kib);
  pool.give(first.subarray(0, 100));
  expect(pool.bytes).toBe(64 * kib);
  expect(pool.take(40 * kib).buffer).toBe(first.buffer);
  expect(pool.bytes).toBe(0);
});

test("what is kept has a bound: beyond it memory is left to the collector", () => {
  const pool = new BufferPool(100 * kib);
  const taken = [pool.take(64 * kib), pool.take(64 * kib), pool.take(20 * kib)];
  for (const buffer of taken) pool.give(buffer);
  expect(pool.bytes).toBe(96 * kib);
});

test("small buffers, which share memory, and very large ones are never kept", () => {
  const pool = new BufferPool(1 << 30);
  for (const bytes of [1, 4 * kib, 8 * kib, 2 << 20]) pool.give(pool.take(bytes));
  pool.give(Buffer.allocUnsafeSlow(64 * kib)); // not from here
  expect(pool.bytes).toBe(0);
});

test("no two who have memory have the same", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -4, max: 1 << 21 })), (calls) => {
      const pool = new BufferPool(256 * kib);
      const held: Buffer[] = [];
      for (const call of calls) {
        if (call <= 0) {
          const gone = held.shift();
          if (gone !== undefined) pool.give(gone);
          continue;
        }
        const taken = pool.take(call);
        expect(taken.length).toBeGreaterThanOrEqual(call);
        if (call > 8 * kib) expect(held.some(({ buffer }) => buffer === taken.buffer)).toBe(false);
        held.push(taken);
        expect(pool.bytes).toBeLessThanOrEqual(256 * kib);
      }
    }),
  );
});
