import { setImmediate as nextTurn } from "node:timers/promises";
import { pino } from "pino";
import { expect, test, vi } from "vitest";
import type { StoredBatch } from "../../src/core/batch/batch.ts";
import { compileFilter, type FilterSpec, type LineFilter } from "../../src/core/filter/line-filter.ts";
import { PatternWork, type Task } from "../../src/core/patterns/pattern-work.ts";
import { patternLimits } from "../../src/limits.ts";
import { PatternPool } from "../../src/patterns/pool.ts";
import { type Payer, Selector } from "../../src/patterns/selector.ts";
import { Turns } from "../../src/turns.ts";
import { batchOf, channelOf } from "../support/batches.ts";
import { settled } from "../support/fake-clock.ts";

const reader: Payer = { channel: channelOf(1), as: "reader" };
const drain: Payer = { channel: channelOf(1), as: "drain" };
const signal = new AbortController().signal;

function filterOf(spec: FilterSpec): LineFilter {
  const found = compileFilter(spec);
  if (found.kind === "bad") throw new Error(found.reason);
  return found.filter!;
}

const stored = (texts: readonly string[], line = 0): StoredBatch => ({
  ...batchOf(texts),
  sequence: line,
  line,
  incarnation: "test0",
});

/** A selector whose thread does its work when the test lets it. */
function open({ hereMax = 0 } = {}) {
  const tasks: Task[] = [];
  const work = new PatternWork(10);
  const open: (() => void)[] = [];
  let held = false;
  const pool = new PatternPool({
    limits: { ...patternLimits, threadsMax: 1 },
    logger: pino({ level: "silent" }),
    openThread: () => ({
      isEnded: false,
      async run(task) {
        tasks.push(task);
        if (held) await new Promise<void>((resolve) => open.push(resolve));
        return { kind: "outcome", outcome: work.do(task, () => false), ms: 1, lateMs: 0 };
      },
      async end() {},
    }),
  });
  return {
    tasks,
    selector: new Selector(pool, { hereMax, compiledHereMax: 10, knownBytesMax: 1_000_000 }),
    hold: () => {
      held = true;
    },
    release: async () => {
      held = false;
      for (const go of open.splice(0)) go();
      await settled();
    },
  };
}

test("what needs no expression is said at once, without a promise and without a thread", () => {
  const { selector, tasks } = open();
  const batch = stored(["GET /a", "GET /b", "PUT /a"]);
  for (const [spec, kept] of [
    [{ match: "/a" }, [1, 0, 1]],
    [{ exclude: "GET" }, [0, 0, 1]],
    [{ dynos: ["worker"], match: "a+" }, [0, 0, 0]],
  ] as const) {
    expect(selector.select(reader, batch, filterOf(spec), signal)).toEqual(Uint8Array.from(kept));
  }
  expect(tasks).toEqual([]);
});

test("an expression over little text is looked for at once as well", () => {
  const { selector, tasks } = open({ hereMax: 20_000 });
  const little = selector.select(reader, stored(["a1", "b2"]), filterOf({ match: "a\\d" }), signal);
  expect(little).toEqual(Uint8Array.of(1, 0));
  const much = selector.select(reader, stored(["x".repeat(20_000)], 5), filterOf({ match: "a\\d" }), signal);
  expect(much).toBeInstanceOf(Promise);
  expect(tasks).toHaveLength(1);
});

test("only lines that pass everything else are sent to a thread, and all of them", async () => {
  const { selector, tasks } = open();
  const texts = Array.from(
    { length: 3_000 },
    (_, n) => `${n % 3 === 0 ? "go" : "no"} ${"x".repeat(60)} ${n}`,
  );
  const filter = filterOf({ match: "go", exclude: "[05]$" });
  const kept = await selector.select(reader, stored(texts), filter, signal);
  expect([...kept!]).toEqual(texts.map((text) => (text.startsWith("go") && !/[05]$/.test(text) ? 1 : 0)));
  expect(tasks.length).toBeGreaterThan(1); // a task has its bound
  const sent = tasks.reduce((sum, task) => sum + (task.kind === "match" ? task.ends.length : 0), 0);
  expect(sent).toBe(1_000);
});

test("what many ask of one batch is looked for once, while it is and when it was", async () => {
  const { selector, tasks, hold, release } = open();
  const filter = () => filterOf({ match: "a\\d" });
  hold();
  const asked = Array.from({ length: 100 }, () =>
    selector.select(reader, stored(["a1", "b2"]), filter(), signal),
  );
  await release();
  for (const kept of await Promise.all(asked)) expect(kept).toEqual(Uint8Array.of(1, 0));
  expect(selector.select(drain, stored(["a1", "b2"]), filter(), signal)).toEqual(Uint8Array.of(1, 0));
  expect(tasks).toHaveLength(1);
  await selector.select(reader, stored(["a1", "b2"], 2), filter(), signal);
  await selector.select({ ...reader, channel: channelOf(2) }, stored(["a1", "b2"]), filter(), signal);
  await selector.select(reader, stored(["a1", "b2"]), filterOf({ match: "b\\d" }), signal);
  expect(tasks).toHaveLength(4);
});

test("it is also looked for once when its lines are read in turns before", async () => {
  const { selector, tasks, hold, release } = open();
  const filter = () => filterOf({ level: "err", match: "a\\d" });
  const over = vi.spyOn(Turns.prototype, "isOver", "get").mockReturnValue(true);
  try {
    hold();
    const texts = Array.from({ length: 2_000 }, (_, n) => (n === 0 ? "level=error a1" : "level=error b"));
    const batch = stored(texts);
    const asked = Array.from({ length: 10 }, () => selector.select(reader, batch, filter(), signal));
    await vi.waitFor(() => expect(tasks.length).toBeGreaterThan(0));
    for (let turn = 0; turn < 1_000; turn++) await nextTurn();
    await release();
    for (const kept of await Promise.all(asked)) expect(kept?.indexOf(1)).toBe(0);
    const linesSent = tasks.reduce((sum, task) => sum + (task.kind === "match" ? task.ends.length : 0), 0);
    expect(linesSent).toBeLessThanOrEqual(texts.length);
  } finally {
    over.mockRestore();
  }
});

test("a drain does not wait for what readers asked for", async () => {
  const { selector, tasks, hold, release } = open();
  hold();
  const batch = stored(["a1"]);
  const one = selector.select(reader, batch, filterOf({ match: "a\\d" }), signal);
  const other = selector.select(drain, batch, filterOf({ match: "a\\d" }), signal);
  await release();
  expect(await Promise.all([one, other])).toEqual([Uint8Array.of(1), Uint8Array.of(1)]);
  expect(tasks).toHaveLength(2);
});

test("what nobody waits for any more is not done; others who ask the same are served", async () => {
  const { selector, tasks, hold, release } = open();
  hold();
  const gone = new AbortController();
  const filter = filterOf({ match: "a\\d" });
  const blocking = selector.select(reader, stored(["busy"]), filter, signal);
  const first = selector.select(reader, stored(["a1"], 5), filter, gone.signal);
  const second = selector.select(reader, stored(["a1"], 6), filter, gone.signal);
  const stays = selector.select(reader, stored(["a1"], 6), filter, signal);
  gone.abort();
  expect(await Promise.all([first, second])).toEqual([undefined, undefined]);
  await release();
  expect(await blocking).toEqual(Uint8Array.of(0));
  expect(await stays).toEqual(Uint8Array.of(1));
  await settled();
  expect(tasks).toHaveLength(2); // the one that blocked, and the one that somebody still waited for
});

test("a filter that reads the text of each line takes turns, and is remembered", async () => {
  const { selector } = open();
  const batch = stored(Array.from({ length: 20_000 }, (_, i) => (i % 2 ? "level=error a=1" : "fine")));
  const filter = filterOf({ level: "err" });
  let turnsOfOthers = 0;
  let isOver = false;
  const others = (async () => {
    for (; !isOver; turnsOfOthers++) await nextTurn();
  })();
  const kept = await selector.select(reader, batch, filter, signal);
  isOver = true;
  await others;
  expect(kept?.filter((one) => one === 1)).toHaveLength(10_000);
  expect(turnsOfOthers).toBeGreaterThan(1);
  expect(selector.select(drain, batch, filter, signal)).toBe(kept);
});
