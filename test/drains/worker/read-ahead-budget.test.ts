/** Drains that hold lines while all hold too much: who is asked to let go, and when. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Holder, ReadAheadBudget } from "../../../src/drains/worker/read-ahead-budget.ts";

const MiB = 1024 * 1024;

beforeEach(() => vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }));
afterEach(() => vi.useRealTimers());

/** Holders by name, in a budget of 10 MiB; whoever is asked lets go at once. */
function world() {
  const budget = new ReadAheadBudget(10 * MiB);
  const asked: string[] = [];
  const hold = (name: string, size: number, buffer = new ArrayBuffer(size)) => {
    const batch = { bytes: new Uint8Array(buffer, 0, size) };
    const letGo = () => {
      holder.heldBytes = 0;
      budget.release(holder, batch);
    };
    const holder = {
      heldBytes: size,
      sinceMs: performance.now(),
      wanted(ms: number) {
        asked.push(`${name} ${ms}`);
        letGo();
      },
    } satisfies Holder;
    budget.hold(holder, batch);
    return { holder, letGo };
  };
  return { budget, asked, hold };
}

test("nobody is asked while there is room, however long it takes", () => {
  const { asked, hold } = world();
  hold("a", 9 * MiB);
  vi.advanceTimersByTime(60_000);
  expect(asked).toEqual([]);
});

test("when all is spent, those who have not got on for a second are asked, the longest first, until there is room", () => {
  const { budget, asked, hold } = world();
  hold("a", 4 * MiB);
  vi.advanceTimersByTime(100);
  hold("b", 4 * MiB);
  hold("small", 1_000);
  hold("c", 4 * MiB);
  vi.advanceTimersByTime(900);
  expect(asked).toEqual([]);
  vi.advanceTimersByTime(200);
  expect(asked).toEqual(["a 1100"]);
  expect(budget.isSpent).toBe(false);
  vi.advanceTimersByTime(60_000);
  expect(asked).toHaveLength(1);
});

test("who gets on keeps its lines, and what comes meanwhile is bounded by a second's worth", () => {
  const { budget, asked, hold } = world();
  const { holder } = hold("quick", 3 * MiB);
  let held = 0;
  let most = 0;
  for (let ms = 0; ms < 20_000; ms += 50) {
    holder.sinceMs = performance.now();
    hold(`stalled ${ms}`, MiB);
    held = 3 + (ms / 50 + 1) - asked.length;
    most = Math.max(most, held);
    vi.advanceTimersByTime(50);
  }
  expect(asked.some((one) => one.startsWith("quick"))).toBe(false);
  expect(most).toBeLessThanOrEqual(10 + 20 + 6); // a second, and a look every 250 ms
  expect(budget.isSpent).toBe(true);
});

test("nobody is asked twice for what it does not hold any more", () => {
  const { asked, hold } = world();
  hold("a", 6 * MiB).letGo();
  hold("b", 12 * MiB);
  vi.advanceTimersByTime(10_000);
  expect(asked).toEqual(["b 1000"]);
});

test("memory that several hold counts once, and whole, however little of it each has", () => {
  const { budget, hold } = world();
  const body = new ArrayBuffer(9 * MiB);
  const views = Array.from({ length: 20 }, (_, n) => hold(`view ${n}`, MiB, body));
  expect(budget.isSpent).toBe(false);
  hold("another", 1_000, new ArrayBuffer(MiB));
  expect(budget.isSpent).toBe(true);
  for (const { letGo } of views) letGo();
  expect(budget.isSpent).toBe(false);
});
