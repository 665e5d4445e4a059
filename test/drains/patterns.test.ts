/** Drains whose filters and redactions are expressions: run elsewhere, at their owner's cost, without a line lost. */
import { afterEach, expect, test } from "vitest";
import { openPatterns, patternsInProcess } from "../support/patterns.ts";
import { until } from "../support/until.ts";
import { channel, delivered, Rig, retry } from "./rig.ts";

let rig: Rig;
afterEach(() => rig.close());

const texts = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => `line ${from + n}`);
const fives = (from: number, to: number) => texts(from, to).filter((text) => /[05]$/.test(text));
const filter = { match: "(?i)LINE \\d*[05]$" };

test("a filter keeps what it has to, and what is left out has its place in the ledger", async () => {
  rig = await Rig.open({ drain: { filter }, patterns: openPatterns({ hereMax: 0 }) });
  for (let n = 0; n < 500; n += 10) await rig.append(texts(n, n + 10));
  const worker = await rig.work();
  await until(() => worker.checkpoint.line === 500);
  expect(rig.received).toEqual(fives(0, 500));
  expect(worker.checkpoint).toMatchObject({ delivered: 100, filtered: 400, lost: 0, refused: 0 });
});

test("a parcel that is sent again is the same one, also by a worker that looks at its lines anew", async () => {
  rig = await Rig.open({ drain: { filter }, patterns: openPatterns({ hereMax: 0 }) });
  for (let n = 0; n < 200; n += 10) await rig.append(texts(n, n + 10));
  rig.script = (_, index) => (index % 2 === 0 ? retry : delivered);
  const worker = await rig.work();
  for (; worker.checkpoint.line < 200; ) await rig.clock.advance(1_000);
  const byId = new Map<string, string>();
  for (const { parcelId, texts: sent } of rig.tries) {
    expect(byId.get(parcelId) ?? sent.join()).toBe(sent.join());
    byId.set(parcelId, sent.join());
  }
  expect(rig.received).toEqual(fives(0, 200));
  expect(rig.tries.length).toBeGreaterThan(byId.size);
});

test("what is redacted is redacted before it is sent", async () => {
  const redact = { detectors: ["email"], patterns: ["line \\d*5$"] } as const;
  rig = await Rig.open({ drain: { redact } });
  const worker = await rig.work();
  await rig.append(["line 4", "line 5", "from a@b.example"]);
  await until(() => worker.checkpoint.line === 3);
  expect(rig.received).toEqual(["line 4", "<redacted>", "from <redacted:email>"]);
});

test.each([
  ["filter", { filter }],
  ["redaction", { redact: { patterns: ["line \\d*[05]$"] } }],
])(
  "a %s that used up its budget goes on behind, tells its owner, and holds no connection",
  async (_, drain) => {
    let nowMs = 0;
    const limits = { burstMs: 5, msPerSecond: 1 };
    const patterns = patternsInProcess({ costMs: 10, limits, nowMs: () => nowMs });
    rig = await Rig.open({ drain, patterns });
    const worker = await rig.work();
    await rig.append(["line 5"]);
    await until(() => rig.received.length === 1);
    expect(patterns.selector.isSpent({ channel, as: "drain" })).toBe(true);
    expect(patterns.selector.isSpent({ channel, as: "reader" })).toBe(false);
    await rig.append(["line 10"]);
    await rig.clock.advance(8_000);
    expect(rig.received).toHaveLength(1);
    expect(rig.openSinks).toBe(0);
    expect((await rig.shown()).state).toBe("delivering");
    expect(worker.checkpoint).toMatchObject({
      line: 1,
      lastError: { message: expect.stringMatching(/need more time .* none is lost; use simpler patterns$/) },
    });
    expect(await rig.state()).toMatchObject({ lastError: { message: expect.stringContaining("late") } });
    await rig.append(["line 15"]);
    // There is budget again; the pool finds out with the next that asks.
    const [batch] = (await rig.log.recent(channel, 1)).batches;
    const signal = new AbortController().signal;
    await until(async () => {
      nowMs += 1e12;
      const other = {
        key: `other ${nowMs}`,
        keeps: () => true,
        expressions: [{ text: "a.b", instructions: 5, found: true }],
      };
      await patterns.selector.select({ channel, as: "reader" }, batch!, other, signal);
      await rig.clock.advance(100);
      return worker.checkpoint.line === 3;
    });
    expect(rig.received).toHaveLength(3);
    expect(worker.checkpoint).toMatchObject({ delivered: 3, lost: 0, refused: 0, failing: undefined });
  },
);

test.each([
  ["filter", { filter }],
  ["redaction", { redact: { patterns: ["none \\d"] } }],
])("what a connection brings into doubt while a %s is waited for goes first", async (_, drain) => {
  let answer: (() => void) | undefined;
  let isHeld = false;
  const held = () =>
    new Promise<void>((resolve) => {
      answer = resolve;
    });
  rig = await Rig.open({
    drain,
    patterns: patternsInProcess({ mayAnswer: () => (isHeld ? held() : undefined) }),
  });
  const worker = await rig.work();
  await rig.append(["line 5"]);
  await until(() => worker.checkpoint.line === 1);
  isHeld = true;
  await rig.append(["line 10"]);
  await until(() => answer !== undefined);
  rig.breakConnection();
  isHeld = false;
  answer!();
  await rig.until(() => worker.checkpoint.line === 2);
  expect(rig.received).toEqual(["line 5", "line 5", "line 10"]);
  expect(worker.checkpoint).toMatchObject({ delivered: 2, replayed: 1 });
});

test("a worker that waits for its patterns stops at once", async () => {
  const patterns = openPatterns({ threadsMax: 0, hereMax: 0 });
  rig = await Rig.open({ drain: { filter }, patterns });
  const worker = await rig.work();
  await rig.append(["line 5"]);
  const stopped = worker.stop(10_000);
  await rig.clock.advance(0);
  await stopped;
  expect(worker.checkpoint).toMatchObject({ line: 0, delivered: 0 });
});
