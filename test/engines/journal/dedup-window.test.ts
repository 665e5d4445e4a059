import fc from "fast-check";
import { expect, test } from "vitest";
import { dedupMs } from "../../../src/engines/engine.ts";
import { DedupWindow } from "../../../src/engines/journal/dedup-window.ts";

test("a name is known for 10 minutes and not for longer, whatever comes between", () => {
  const window = new DedupWindow();
  window.add(1, "first", { line: 7, count: 3 }, 1000);
  for (let i = 0; i < 5000; i++) window.add(2, `other-${i}`, { line: i, count: 1 }, 1000 + i * 100);
  expect(window.find(1, "first", 1000 + dedupMs - 1)).toEqual({ line: 7, count: 3 });
  expect(window.find(1, "first", 1000 + dedupMs)).toBeUndefined();
});

test("a name of another owner, and one that was taken back, are unknown", () => {
  const window = new DedupWindow();
  window.add(1, "name", { line: 0, count: 1 }, 5);
  expect(window.find(2, "name", 5)).toBeUndefined();
  window.remove(1, "name");
  expect(window.find(1, "name", 5)).toBeUndefined();
  window.add(1, "name", { line: 9, count: 2 }, 6);
  expect(window.find(1, "name", 6)).toEqual({ line: 9, count: 2 });
});

test("it answers as a plain map would", () => {
  const operations = fc.array(
    fc.record({
      owner: fc.integer({ min: 1, max: 3 }),
      id: fc.string({ minLength: 1, maxLength: 3 }),
      stepMs: fc.integer({ min: 0, max: dedupMs / 4 }),
      kind: fc.constantFrom("add", "find", "remove"),
    }),
    { maxLength: 200 },
  );
  fc.assert(
    fc.property(operations, (steps) => {
      const window = new DedupWindow();
      const model = new Map<string, { line: number; count: number; atMs: number }>();
      let nowMs = 1;
      steps.forEach(({ owner, id, stepMs, kind }, at) => {
        nowMs += stepMs;
        const key = `${owner} ${id}`;
        if (kind === "remove") {
          window.remove(owner, id);
          model.delete(key);
        } else if (kind === "add") {
          window.add(owner, id, { line: at, count: at + 1 }, nowMs);
          model.set(key, { line: at, count: at + 1, atMs: nowMs });
        }
        const known = model.get(key);
        const expected = known !== undefined && nowMs - known.atMs < dedupMs;
        expect(window.find(owner, id, nowMs)).toEqual(
          expected ? { line: known.line, count: known.count } : undefined,
        );
      });
    }),
  );
});

test("at its bound the oldest names go before their time, and the newest stay", () => {
  const namesMax = 20_000;
  const window = new DedupWindow({ cellsMax: 65_536 });
  for (let i = 0; i < 5 * namesMax; i++) {
    window.add(1, `name-${i}`, { line: i, count: 1 }, 1000);
    if (i % 100 === 0) expect(window.bytes).toBeLessThanOrEqual(65_536 * 32);
  }
  const known = (i: number) => window.find(1, `name-${i}`, 1000) !== undefined;
  expect(known(0)).toBe(false);
  expect(Array.from({ length: namesMax }, (_, i) => known(4 * namesMax + i))).not.toContain(false);
});

test("a window that was large becomes small when few names come", () => {
  const window = new DedupWindow();
  for (let i = 0; i < 100_000; i++) window.add(1, `many-${i}`, { line: i, count: 1 }, 1000);
  expect(window.bytes).toBeGreaterThan(5_000_000);
  window.add(1, "few", { line: 1, count: 1 }, 1000 + dedupMs);
  expect(window.bytes).toBe(1024 * 32);
  expect(window.find(1, "few", 1000 + dedupMs)).toEqual({ line: 1, count: 1 });
});
