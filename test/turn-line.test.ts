/** Short work that waits for a later turn: whose goes first, and how much of it a turn does. */
import { expect, test } from "vitest";
import { orALittle, TurnLine } from "../src/turn-line.ts";
import { turnMsMax } from "../src/turns.ts";
import { loop } from "./support/event-loop.ts";

/** A line in turns that the test ends; its work is that of `work`. */
function lineOf(all = loop()) {
  const own = loop();
  const done: string[] = [];
  let nowMs = 0;
  const line = new TurnLine({
    isOver: orALittle(all.turns, own.turns),
    run: (work) => work(),
    nowMs: () => nowMs,
  });
  const work = (name: string, ms = turnMsMax / 4) => {
    return () => {
      done.push(name);
      own.pass(ms);
      nowMs += ms;
    };
  };
  const round = async () => {
    await new Promise(setImmediate);
    await all.round();
    await own.round();
  };
  return { line, all, own, done, work, round };
}

test("a line goes on a little in each turn though others use all of them up, and groups take turns", async () => {
  const { line, all, own, done, work } = lineOf();
  expect(all.turns.isOver).toBe(false);
  all.pass(turnMsMax); // and it is never another turn
  for (const name of ["a1", "a2", "a3"]) line.add("a", work(name));
  line.add("b", work("b1"));
  const perTurn: number[] = [];
  while (done.length < 4) {
    const before = done.length;
    await new Promise(setImmediate);
    await own.round();
    perTurn.push(done.length - before);
  }
  expect(perTurn.filter((count) => count > 0)).toEqual([1, 1, 1, 1]);
  expect(done).toEqual(["a1", "b1", "a2", "a3"]);
});

test("who asks for little does not wait behind as much long work of others", async () => {
  const { line, all, done, work, round } = lineOf();
  expect(all.turns.isOver).toBe(false);
  all.pass(turnMsMax);
  for (let each = 0; each < 20; each++) line.add("long", work("L", 6));
  for (let each = 0; each < 20; each++) line.add("short", work("s", 1));
  while (done.length < 40) await round();
  const [first = "", second = ""] = done
    .join("")
    .split("L")
    .filter((shorts) => shorts !== "");
  expect([first.length, second.length]).toEqual([6, 6]);
});

test("a pause of the whole process counts no more than some pieces of work", async () => {
  const { line, all, done, work, round } = lineOf();
  expect(all.turns.isOver).toBe(false);
  all.pass(turnMsMax);
  line.add("unlucky", work("U", 500));
  for (let each = 0; each < 30; each++) line.add("other", work("o", 1));
  await round();
  line.add("unlucky", work("U", 1));
  while (done.length < 32) await round();
  expect(done.lastIndexOf("U")).toBeLessThanOrEqual(18);
});

test("what comes of a line's work is for the next turn, though this one has time", async () => {
  const { line, done, round } = lineOf();
  const again = (name: string) => () => {
    done.push(name);
    line.add(name, again(name));
  };
  for (const name of ["a", "b", "c"]) line.add(name, again(name));
  for (let turn = 1; turn <= 5; turn++) {
    await round();
    expect(done).toHaveLength(3 * turn);
  }
});

const laters: Readonly<Record<string, (run: () => void) => unknown>> = {
  "in a tick": process.nextTick,
  "in a promise": queueMicrotask,
  "in promises": async (run) => {
    for (let each = 0; each < 10; each++) await undefined;
    run();
  },
};

test.each(Object.keys(laters))("what work does %s is done before the next one begins", async (later) => {
  const { line, done, round } = lineOf();
  for (const name of ["a", "b"])
    line.add(name, () => {
      done.push(name);
      laters[later]!(() => done.push(`end of ${name}`));
    });
  while (done.length < 4) await round();
  expect(done).toEqual(["a", "end of a", "b", "end of b"]);
});
