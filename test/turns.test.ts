import { expect, test, vi } from "vitest";
import { inTurns, turnMsMax } from "../src/turns.ts";
import { loop } from "./support/event-loop.ts";

test("a walk goes on until its time is over, whatever it walks over", () => {
  const { turns, pass } = loop();
  expect(turns.isOver).toBe(false);
  for (let n = 0; n < 1_000; n++) expect(turns.isOver).toBe(false);
  pass(turnMsMax - 1);
  expect(turns.isOver).toBe(false);
  pass(1);
  expect(turns.isOver).toBe(true);
});

test("all walks of a round share its time, and a new round has time again", async () => {
  const { turns, pass, round } = loop();
  expect(turns.isOver).toBe(false); // the first walk begins the turn
  pass(turnMsMax);
  expect(turns.isOver).toBe(true); // for the second one too
  await round();
  expect(turns.isOver).toBe(false);
});

test("a turn is a short one when a connection came in it, and the next one is not", async () => {
  const { turns, pass, round } = loop();
  turns.shorten();
  expect(turns.isOver).toBe(false);
  pass(turnMsMax / 4);
  expect(turns.isOver).toBe(true);
  await round();
  expect(turns.isOver).toBe(false);
  pass(turnMsMax / 4);
  expect(turns.isOver).toBe(false);
  turns.shorten();
  expect(turns.isOver).toBe(true);
});

test("those who wait go on in their order, one in each round", async () => {
  const { turns, pass, round } = loop();
  const order: string[] = [];
  const walk = async (name: string, steps: number) => {
    for (let step = 0; step < steps; step++) {
      if (turns.isOver) await turns.next("app");
      order.push(name);
      pass(turnMsMax);
    }
  };
  const walks = Promise.all([walk("a", 3), walk("b", 3), walk("c", 2)]);
  expect(order).toEqual(["a"]);
  const rounds: number[] = [];
  for (let n = 0; n < 7; n++) {
    await round();
    rounds.push(order.length);
  }
  await walks;
  expect(rounds).toEqual([2, 3, 4, 5, 6, 7, 8]);
  expect(order).toEqual(["a", "a", "b", "c", "a", "b", "c", "b"]); // "a" was the first to wait
});

test.each([
  { costMs: 0, most: 100 },
  { costMs: turnMsMax / 8, most: 8 },
  { costMs: turnMsMax, most: 1 },
  { costMs: 5 * turnMsMax, most: 1 },
])("as many go on in a turn as there is time for: $costMs ms each", async ({ costMs, most }) => {
  const { turns, pass, round } = loop();
  let went = 0;
  const walk = async () => {
    await turns.next("app");
    went++;
    pass(costMs);
  };
  const walks = Array.from({ length: 100 }, walk);
  while (went < 100) {
    const before = went;
    await round();
    await new Promise(setImmediate);
    expect(went - before).toBe(Math.min(most, 100 - before));
  }
  await Promise.all(walks);
});

test("one that walks alone waits for one turn, however many another has begun", async () => {
  const { turns, pass, round } = loop();
  const order: string[] = [];
  const walk = async (group: string, steps: number) => {
    for (let step = 0; step < steps; step++) {
      await turns.next(group);
      order.push(group);
      pass(turnMsMax);
    }
  };
  const walks = [...Array.from({ length: 50 }, () => walk("many", 2)), walk("one", 3)];
  for (let n = 0; n < 7; n++) await round();
  expect(order.slice(0, 6)).toEqual(["many", "one", "many", "one", "many", "one"]);
  for (let n = 0; n < 100; n++) await round();
  await Promise.all(walks);
});

test("nothing is deferred while nobody walks", async () => {
  const { turns, round, waiting } = loop();
  expect(turns.isOver).toBe(false);
  await round();
  expect(waiting()).toBe(0);
});

test("others come behind each pause of a walk whose parts are longer than a turn, however few they are", async () => {
  let nowMs = 0;
  vi.spyOn(performance, "now").mockImplementation(() => nowMs);
  let others = 0;
  const other = () => {
    others++;
    if (others < 100) setImmediate(other);
  };
  function* parts() {
    const before: number[] = [];
    for (let part = 0; part < 10; part++) {
      nowMs += turnMsMax;
      before.push(others);
      yield;
    }
    return before;
  }
  setImmediate(other);
  const before = await inTurns(parts(), "walk");
  vi.restoreAllMocks();
  expect(new Set(before).size).toBeGreaterThanOrEqual(before.length - 1); // the first may begin in a turn that has time
});
