import { pino } from "pino";
import { afterEach, expect, test } from "vitest";
import { CompiledPatterns } from "../../src/core/patterns/pattern.ts";
import { matchTask, type Outcome, type Task } from "../../src/core/patterns/pattern-work.ts";
import { patternLimits } from "../../src/limits.ts";
import { type Job, PatternPool, type PatternRunner, type PoolLimits } from "../../src/patterns/pool.ts";
import { PatternThread } from "../../src/patterns/thread.ts";
import type { Answer } from "../../src/patterns/worker.ts";
import { settled } from "../support/fake-clock.ts";
import { randomFrom } from "../support/random.ts";
import { until } from "../support/until.ts";

/** A task that says whose it is. */
const taskOf = (owner: string): Task =>
  matchTask({ bytes: Buffer.from(owner), lines: [0], spans: [0, owner.length], expressions: [] }, 0, 100);
const outcome: Outcome = { kind: "match", holds: Uint8Array.of(1) };

/** Threads that answer when the test says so. */
class Threads {
  readonly running: {
    readonly owner: string;
    readonly answer: (answer: Answer | "ended" | "unstarted") => void;
  }[] = [];
  opened = 0;
  nowMs = 0;
  readonly pool: PatternPool;

  constructor(limits: Partial<PoolLimits> = {}) {
    this.pool = new PatternPool({
      limits: { ...patternLimits, threadsMax: 1, burstMs: 1_000, msPerSecond: 100, ...limits },
      logger: pino({ level: "silent" }),
      nowMs: () => this.nowMs,
      openThread: () => this.#open(),
    });
  }

  /** A job of so many slices; resolves when it is done. */
  run(owner: string, slices = 1, log: string[] = []) {
    let left = slices;
    const step = (what: string) => {
      log.push(`${what} ${owner}`);
      return --left === 0;
    };
    const job: Job = {
      owner,
      task: () => taskOf(owner),
      take: () => step("took"),
      giveUp: () => step("gave up"),
    };
    return this.pool.run(job);
  }

  /** The task under way is answered, having taken so long. */
  async answer(ms: number, lateMs = 0): Promise<string> {
    const { owner, answer } = this.running.shift()!;
    answer({ kind: "outcome", outcome, ms, lateMs });
    await settled();
    return owner;
  }

  #open(): PatternRunner {
    this.opened++;
    let isEnded = false;
    let end: () => void = () => {};
    return {
      get isEnded() {
        return isEnded;
      },
      run: (task) =>
        new Promise((resolve) => {
          end = () => resolve("ended");
          this.running.push({
            owner: Buffer.from(task.bytes).toString(),
            answer: (answer) => {
              isEnded ||= answer === "ended" || answer === "unstarted";
              resolve(answer);
            },
          });
        }),
      async end() {
        isEnded = true;
        end();
      },
    };
  }
}

test("owners take turns, slice by slice: who spent least is next", async () => {
  const threads = new Threads();
  threads.run("heavy", 4);
  threads.run("light", 2);
  const order: string[] = [];
  for (let n = 0; n < 6; n++)
    order.push(await threads.answer(threads.running[0]!.owner === "heavy" ? 50 : 20));
  expect(order).toEqual(["heavy", "light", "light", "heavy", "heavy", "heavy"]);
});

test("jobs of one owner share his turns", async () => {
  const threads = new Threads();
  const log: string[] = [];
  threads.run("a", 3, log);
  const second = threads.run("a", 1, log);
  await threads.answer(1);
  await threads.answer(1);
  await second.done;
  expect(log).toHaveLength(2);
});

test("who has nothing left waits until he has again, and others do not", async () => {
  const threads = new Threads();
  threads.run("spent", 2);
  await threads.answer(1_500);
  expect(threads.pool.isSpent("spent")).toBe(true);
  expect(threads.running).toEqual([]);
  threads.run("other");
  expect(await threads.answer(5)).toBe("other");
  expect(threads.running).toEqual([]);
  threads.nowMs += 5_001;
  threads.run("another");
  expect(await threads.answer(1)).toBe("another");
  expect(await threads.answer(1)).toBe("spent");
});

test("a wait for the budget ends by itself", async () => {
  const threads = new Threads({ burstMs: 10, msPerSecond: 10_000 });
  const { done } = threads.run("spent", 2);
  await threads.answer(20);
  threads.nowMs += 100;
  await until(() => threads.running.length > 0);
  await threads.answer(1);
  await done;
});

test("a thread that does not answer is replaced, its owner pays, and what it had to do stays undecided", async () => {
  const threads = new Threads({ cpuMsMax: 700 });
  const log: string[] = [];
  threads.run("a", 2, log);
  const { done } = threads.run("b", 1, log);
  expect(threads.opened).toBe(1);
  threads.running.shift()!.answer("ended");
  await settled();
  expect(threads.opened).toBe(2);
  expect(await threads.answer(1)).toBe("b");
  await done;
  expect(log).toEqual(["gave up a", "took b"]);
  await threads.answer(1);
  expect(log).toEqual(["gave up a", "took b", "took a"]);
  threads.run("a");
  await threads.answer(298);
  expect(threads.pool.isSpent("a")).toBe(false); // 700, 1 and 298 of 1,000
  threads.run("a");
  await threads.answer(1);
  expect(threads.pool.isSpent("a")).toBe(true);
});

test("what a thread was for that could not be started waits for another one, and costs nothing", async () => {
  const threads = new Threads();
  const log: string[] = [];
  const { done } = threads.run("a", 1, log);
  threads.running.shift()!.answer("unstarted");
  await settled();
  expect(log).toEqual([]);
  expect(threads.opened).toBe(1);
  threads.run("b", 1, log); // whoever comes next tries again
  expect(threads.opened).toBe(2);
  await threads.answer(1);
  await threads.answer(1);
  await done;
  expect([...log].sort()).toEqual(["took a", "took b"]);
});

test("what the kernel counts late is paid by him who took it", async () => {
  const threads = new Threads();
  for (const owner of ["a", "b", "c"]) threads.run(owner);
  expect(await threads.answer(0)).toBe("a");
  expect(await threads.answer(0, 1_200)).toBe("b");
  await threads.answer(0, 3);
  expect(["a", "b", "c"].map((owner) => threads.pool.isSpent(owner))).toEqual([true, false, false]);
});

test("a job that is dropped is not begun, or not gone on with", async () => {
  const threads = new Threads();
  const log: string[] = [];
  const begun = threads.run("a", 3, log);
  const waiting = threads.run("b", 1, log);
  begun.drop();
  waiting.drop();
  await Promise.all([begun.done, waiting.done]);
  await threads.answer(1);
  expect(threads.running).toEqual([]);
  expect(log).toEqual([]);
});

test("no more threads are opened than there may be, and closing ends them", async () => {
  const threads = new Threads({ threadsMax: 3 });
  for (let n = 0; n < 9; n++) threads.run(`owner ${n}`);
  expect(threads.opened).toBe(3);
  await threads.pool.close();
  await threads.pool.close();
  await settled();
  expect(threads.opened).toBe(3);
  threads.run("late");
  expect(threads.opened).toBe(3);
});

let thread: PatternThread | undefined;
afterEach(() => thread?.end());

const limits = { sliceMs: 20, compiledMax: 10, cpuMsMax: 60_000, answerMsMax: 60_000, megabytesMax: 160 };

/** Ten kilobytes a line over which the pattern is as slow as patterns are. */
function slowTask(lines: number, patterns = 1): Task {
  const random = randomFrom(1);
  const text = Buffer.from(Array.from({ length: 10_000 }, () => (random() < 0.5 ? "a" : "b")).join(""));
  const bytes = Buffer.concat(Array.from({ length: lines }, () => text));
  const spans = Array.from({ length: lines }, (_, n) => [n * text.length, (n + 1) * text.length]).flat();
  const expressions = Array.from({ length: patterns }, (_, n) => ({
    text: `(?i)a[ab]{${240 + n}}c`,
    instructions: 244 + n,
    found: false,
  }));
  return matchTask({ bytes, lines: spans.slice(0, lines), spans, expressions }, 0, bytes.length);
}

test("a thread answers with as much as its slice allows, one line at least", async () => {
  thread = new PatternThread(limits);
  const answer = await thread.run(slowTask(200));
  if (typeof answer === "string" || answer.kind !== "outcome" || answer.outcome.kind !== "match")
    throw new Error("no outcome");
  expect(answer.outcome.holds.length).toBeGreaterThan(0);
  expect(answer.outcome.holds.length).toBeLessThan(200);
  expect(answer.ms).toBeGreaterThan(0);
  expect(thread.isEnded).toBe(false);
});

test.each([{ cpuMsMax: 20 }, { cpuMsMax: 5, answerMsMax: 5 }])(
  "a thread that takes too long is ended amid its work: %j",
  async (bounds) => {
    thread = new PatternThread({ ...limits, sliceMs: 1e9, ...bounds });
    expect(await thread.run(slowTask(200))).toBe("ended");
    expect(thread.isEnded).toBe(true);
  },
);

test("a thread that takes too much memory is ended, and nothing else is", async () => {
  thread = new PatternThread({ ...limits, sliceMs: 1e9, megabytesMax: 20 });
  expect(await thread.run(taskOf("x"))).toMatchObject({ kind: "outcome" });
  expect(await thread.run(slowTask(1_000, 10))).toBe("ended");
  expect(thread.isEnded).toBe(true);
});

test("what cannot be done is said, and the thread goes on", async () => {
  thread = new PatternThread(limits);
  const bytes = new Uint8Array(Buffer.from("no frame"));
  const redaction = { detectors: [], patterns: [] };
  const failed = await thread.run({ kind: "redact", redaction, bytes, form: "logplex" });
  expect(failed).toMatchObject({ kind: "failed", reason: expect.stringContaining("damaged") });
  expect(await thread.run(taskOf("x"))).toMatchObject({ kind: "outcome" });
  expect(new CompiledPatterns(1).get("a").test("a")).toBe(true);
});
