import { pino } from "pino";
import { expect, test } from "vitest";
import { PatternWork, type Task } from "../../src/core/patterns/pattern-work.ts";
import { noRedactions, type RedactionSpec, readRedaction } from "../../src/core/patterns/redaction.ts";
import { patternLimits } from "../../src/limits.ts";
import { LineRedactions } from "../../src/patterns/line-redactions.ts";
import { PatternPool, type PatternRunner } from "../../src/patterns/pool.ts";
import { batchOf, channelOf, textsOf } from "../support/batches.ts";

const payer = { channel: channelOf(1), as: "drain" } as const;
const signal = new AbortController().signal;

function open(answer: (task: Task) => ReturnType<PatternRunner["run"]>) {
  const tasks: Task[] = [];
  const pool = new PatternPool({
    limits: { ...patternLimits, burstMs: 1e9 },
    logger: pino({ level: "silent" }),
    openThread: () => ({
      isEnded: false,
      run: (task) => {
        tasks.push({ ...task, bytes: task.bytes.slice() });
        return answer(task);
      },
      async end() {},
    }),
  });
  const redactions = new LineRedactions(pool);
  const counts = noRedactions();
  const redact = (spec: RedactionSpec, texts: readonly string[], until = signal) =>
    redactions.redact(payer, readRedaction(spec), batchOf(texts), counts, until);
  return { redact, tasks, counts };
}

const work = new PatternWork(10);
const done = async (task: Task, isOver = () => false) =>
  ({ kind: "outcome", outcome: work.do(task, isOver), ms: 1, lateMs: 0 }) as const;

test("detectors and plain texts are looked for at once, expressions in a thread", async () => {
  const { redact, tasks, counts } = open(done);
  const texts = ["from a@b.example", "key k-1.2", "nothing"];
  const here = await redact({ detectors: ["email"], patterns: ["k-1\\.2"] }, texts);
  expect(textsOf(here!)).toEqual(["from <redacted:email>", "key <redacted>", "nothing"]);
  expect(tasks).toEqual([]);
  const there = await redact({ detectors: ["email"], patterns: ["k-\\d"] }, texts);
  expect(textsOf(there!)).toEqual(["from <redacted:email>", "key <redacted>.2", "nothing"]);
  expect(tasks).toHaveLength(1);
  expect(counts).toEqual({ ...noRedactions(), email: 2, pattern: 2 });
});

test("a line that is so long that even detectors take their time goes to a thread", async () => {
  const { redact, tasks } = open(done);
  const long = `${"4 ".repeat(40_000)}a@b.example`;
  const left = await redact({ detectors: ["email"] }, ["a@b.example", long, "c@d.example"]);
  expect(textsOf(left!)).toEqual([
    "<redacted:email>",
    `${"4 ".repeat(40_000)}<redacted:email>`,
    "<redacted:email>",
  ]);
  expect(tasks).toHaveLength(1);
});

test("a thread that answers with the beginning of a task alone is asked for the rest", async () => {
  const { redact, tasks, counts } = open((task) => done(task, () => true));
  const texts = Array.from({ length: 50 }, (_, n) => `k-${n % 10} ${n}`);
  const left = await redact({ patterns: ["k-\\d"] }, texts);
  expect(textsOf(left!)).toEqual(texts.map((_, n) => `<redacted> ${n}`));
  expect(tasks).toHaveLength(50);
  expect(counts.pattern).toBe(50);
});

test("of lines that could not be looked at nothing is left", async () => {
  const { redact } = open(async (task) =>
    Buffer.from(task.bytes).includes("evil")
      ? { kind: "failed", reason: "no", ms: 1, lateMs: 0 }
      : done(task),
  );
  const big = "x".repeat(60_000);
  const left = await redact({ patterns: ["k-\\d"] }, [`k-1 ${big}`, `evil k-2 ${big}`, `k-3 ${big}`]);
  const wire = Buffer.from(left!.bytes).toString();
  expect(textsOf(left!)).toEqual([`<redacted> ${big}`, "<redacted>\n", `<redacted> ${big}`]);
  expect(wire).not.toContain("evil");
  expect(wire).toContain(" host app <redacted> - <redacted>\n");
});

test("lines without a find are the same object, and an aborted redaction is none", async () => {
  const { redact } = open(done);
  const same = await redact({ patterns: ["k-\\d"] }, ["nothing"]);
  expect(textsOf(same!)).toEqual(["nothing"]);
  const gone = new AbortController();
  gone.abort();
  expect(await redact({ patterns: ["k-\\d"] }, ["k-1"], gone.signal)).toBeUndefined();
});
