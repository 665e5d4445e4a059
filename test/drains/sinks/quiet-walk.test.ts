/** One timer for all who wait. */
import { expect, test } from "vitest";
import { never, QuietWalk, type Waits } from "../../../src/drains/sinks/quiet-walk.ts";

/** A walk whose time is held, and which says what it did. */
function heldWalk() {
  let nowMs = 0;
  let timers: { readonly atMs: number; readonly run: () => void }[] = [];
  const deferred: (() => void)[] = [];
  const walk = new QuietWalk({
    everyMs: 5,
    nowMs: () => nowMs,
    defer: (run) => deferred.push(run),
    after: (ms, run) => {
      const timer = { atMs: nowMs + ms, run };
      timers.push(timer);
      return () => {
        timers = timers.filter((one) => one !== timer);
      };
    },
  });
  const pass = (ms: number) => {
    for (const endMs = nowMs + ms; nowMs < endMs; nowMs++) {
      const due = timers.filter(({ atMs }) => atMs <= nowMs);
      timers = timers.filter(({ atMs }) => atMs > nowMs);
      for (const { run } of due) run();
      for (const run of deferred.splice(0)) run();
    }
  };
  return { walk, pass, timers: () => timers.length, time: () => nowMs };
}

/** Looked at once, and then never again unless it waits again. */
const once = (looks: number[], time: () => number): Waits => ({
  look: () => {
    looks.push(time());
    return never;
  },
});

test("who waits is looked at behind its time, once", () => {
  const { walk, pass, timers, time } = heldWalk();
  const looks: number[] = [];
  walk.wait(once(looks, time), 7);
  pass(100);
  expect(looks).toEqual([7]);
  expect(timers()).toBe(0); // an idle process has no timer
});

test("all share one timer, and are looked at together", () => {
  const { walk, pass, timers, time } = heldWalk();
  const looks: number[] = [];
  for (let n = 0; n < 10; n++) walk.wait(once(looks, time), 10 + (n % 3));
  expect(timers()).toBe(1);
  pass(100);
  expect(looks).toHaveLength(10);
  expect(new Set(looks).size).toBe(2); // the first, and all others five milliseconds later
});

test("an earlier time goes before a later one, and a new time replaces the old", () => {
  const { walk, pass, time } = heldWalk();
  const late: number[] = [];
  const early: number[] = [];
  const one = once(late, time);
  walk.wait(one, 20);
  walk.wait(once(early, time), 8);
  walk.wait(one, 40);
  pass(100);
  expect({ early, late }).toEqual({ early: [8], late: [40] });
});

test("a look says when the next one is, and is never told a time in which nothing was read", () => {
  const { walk, pass, time } = heldWalk();
  const looks: { readonly polledMs: number; readonly atMs: number }[] = [];
  walk.wait(
    {
      look: (polledMs) => {
        looks.push({ polledMs, atMs: time() });
        return looks.length < 3 ? polledMs + 12 : never;
      },
    },
    3,
  );
  pass(100);
  expect(looks.map(({ atMs }) => atMs)).toEqual([3, 15, 27]);
  for (const { polledMs, atMs } of looks) expect(polledMs).toBeLessThanOrEqual(atMs);
});
