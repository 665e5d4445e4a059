import { expect, test, vi } from "vitest";
import { inTurns, orALittle, TurnLine, Turns, turnMsMax } from "../src/turns.ts";

/** An event loop that the test turns: what is deferred runs in the next round, in order. */
function loop() {
  let nowMs = 0;
  let deferred: (() => void)[] = [];
  return {
    turns: new Turns({ nowMs: () => nowMs, defer: (run) => deferred.push(run) }),
    pass: (ms: number) => {
      nowMs += ms;
    },
    async round() {
      const due = deferred;
      deferred = [];
      for (const run of due) {
        run();
        await Promise.resolve();
      }
    },
    waiting: () => deferred.length,
  };
}

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
