import { afterEach, describe, expect, test, vi } from "vitest";
import { endOf, positionIn } from "../../../src/core/batch/batch.ts";
import type { DrainWorker } from "../../../src/drains/worker/worker.ts";
import type { Verdict } from "../../../src/ports.ts";
import { firstCheckpoint } from "../../../src/registry/drain-checkpoint.ts";
import { channel, delivered, limits, Rig, retry } from "../rig.ts";

let rig: Rig;
afterEach(() => rig.close());

const numbered = (count: number, from = 0) => Array.from({ length: count }, (_, i) => `line ${from + i}`);
const refusedVerdict: Verdict = { kind: "refused", reason: "it said 400" };

describe("a log that was replaced under the drain's cursor", () => {
  test("is delivered from its oldest line on; the ledger counts on, and the owner is told why", async () => {
    rig = await Rig.open();
    await rig.append(numbered(3));
    const worker = await rig.work();
    await rig.until(async () => (await rig.state())?.delivered === 3);
    await worker.stop(0);
    await rig.log.destroy(channel); // nobody stops a drain of an app that is gone here
    for (let i = 10; i < 15; i++) await rig.append([`line ${i}`]);
    await rig.work();
    await rig.until(async () => (await rig.state())?.delivered === 8);
    expect(rig.received).toEqual([...numbered(3), ...numbered(5, 10)]);
    expect(await rig.state()).toMatchObject({
      line: 5,
      startLine: -3,
      lost: 0,
      lastError: { message: expect.stringContaining("the app's log is not the one") },
    });
  });

  test("gives up what was to be sent again: those lines are gone with it", async () => {
    rig = await Rig.open();
    await rig.append(numbered(4));
    const { batches } = await rig.log.recent(channel, 4);
    const position = positionIn(batches[0]!, 2);
    await rig.log.destroy(channel);
    for (let i = 10; i < 13; i++) await rig.append([`line ${i}`]);
    const state = {
      ...firstCheckpoint(rig.drain),
      ...{ position: endOf(batches[0]!), line: 4, delivered: 4, parcelEnd: 90 },
      replay: { id: "again", position },
      unconfirmed: [{ position, line: 2, endLine: 4, counted: 2 }],
    };
    await rig.store.put(`drain-state/${rig.drain.id}`, state, 0);
    await rig.work({ replay: { id: "again", sinceMs: 0 } });
    await rig.until(async () => (await rig.state())?.delivered === 7);
    expect(rig.received).toEqual(numbered(3, 10));
    expect((await rig.state())?.unconfirmed).toBeUndefined();
  });
});

describe("what becomes of a parcel", () => {
  test("delivered lines move the cursor and are counted", async () => {
    rig = await Rig.open();
    await rig.append(numbered(3));
    await rig.work();
    await rig.append(numbered(2, 3));
    await rig.until(async () => (await rig.state())?.delivered === 5);
    expect(rig.received).toEqual(numbered(5));
    expect(await rig.state()).toMatchObject({
      line: 5,
      position: endOf((await rig.log.recent(channel, 1)).batches[0]!),
      state: "idle",
      refused: 0,
      lost: 0,
      filtered: 0,
      deliveredAt: expect.stringMatching(/^2024-05-01T10:00/),
    });
  });

  test("the rate counts what was delivered, a replay too, and not what was filtered", async () => {
    rig = await Rig.open({ drain: { filter: { exclude: "noise" } } });
    await rig.append([...numbered(60), "noise"]);
    const worker = await rig.work();
    await rig.until(async () => (await rig.state())?.line === 61);
    expect((await rig.state())!.rate!.perSecond).toBeCloseTo(1, 1);
    await worker.stop(0);
    await rig.work({ replay: { id: "again", sinceMs: 0 } });
    await rig.until(async () => (await rig.state())?.replayed === 60);
    expect((await rig.state())!.rate!.perSecond).toBeCloseTo(2, 1);
  });

  test("lines that a destination rejected one by one are counted as refused", async () => {
    rig = await Rig.open();
    rig.script = (_, index) =>
      index === 0 ? { kind: "delivered", rejected: 2, reason: "attribute too long" } : delivered;
    await rig.append(numbered(5));
    await rig.work();
    await rig.until(async () => (await rig.state())?.line === 6); // and the notice, which is a line
    expect(await rig.state()).toMatchObject({
      delivered: 4,
      refused: 2,
      lastError: { message: "attribute too long" },
    });
    expect(rig.received.at(-1)).toMatch(/L13.* 2 messages .*attribute too long/);
  });

  test("a destination that is too slow for a parcel gets smaller ones until it keeps up", async () => {
    rig = await Rig.open({ bounds: { probeBytesMax: 4096 } });
    const slow: Verdict = { kind: "retry", reason: "no answer within 15000 ms", slow: true };
    const text = "x".repeat(1000);
    rig.script = ({ texts }) => (texts.length > 50 ? slow : delivered);
    for (let n = 0; n < 20; n++) await rig.append(Array(20).fill(text));
    await rig.work();
    await rig.until(async () => (await rig.state())?.line === 400);
    expect(await rig.state()).toMatchObject({ delivered: 400, refused: 0 });
    const large = rig.tries.filter(({ texts }) => texts.length > 50);
    expect(large.length).toBeGreaterThan(0);
    for (let at = 0; at < large.length; at += 2) {
      expect(large[at + 1]!.parcelId).toBe(large[at]!.parcelId); // twice as it was, then in parts
      expect(large[at + 2]?.texts.length ?? 0).toBeLessThanOrEqual(large[at]!.texts.length / 2);
    }
  });

  test("a destination that is slow for a small parcel too gets it again as it was", async () => {
    rig = await Rig.open();
    rig.script = (_, index) => (index < 8 ? { kind: "retry", reason: "slow", slow: true } : delivered);
    await rig.append(numbered(5));
    await rig.work();
    await rig.until(() => rig.received.length === 5);
    expect(new Set(rig.tries.map(({ parcelId }) => parcelId))).toHaveLength(1);
  });

  test("a retry carries the same lines under the same parcel id, though more lines wait by then", async () => {
    rig = await Rig.open();
    rig.script = (_, index) => (index < 3 ? retry : delivered);
    await rig.append(numbered(2));
    await rig.work();
    await rig.append(numbered(2, 2));
    await rig.until(() => rig.received.length === 4);
    const [first, ...others] = rig.tries;
    expect(others.slice(0, 3).map(({ parcelId, texts }) => ({ parcelId, texts }))).toEqual(
      Array(3).fill({ parcelId: first!.parcelId, texts: numbered(2) }),
    );
    expect(others[3]!.parcelId).not.toBe(first!.parcelId);
    expect(rig.received).toEqual(numbered(4));
  });

  test("a retry of many batches has all of them and none that came later", async () => {
    rig = await Rig.open();
    let answer: (verdict: Verdict) => void = () => {};
    rig.script = (_, index) => {
      if (index === 1) return new Promise((resolve) => (answer = resolve));
      return index < 4 && index > 0 ? retry : delivered;
    };
    await rig.append(["first"]);
    await rig.work();
    await rig.append(["second"]);
    await rig.until(() => rig.tries.length === 2, 0);
    for (let n = 0; n < 5; n++) await rig.append(numbered(3, 3 * n));
    await rig.clock.advance(0); // all of them are read
    answer(delivered);
    await rig.until(() => rig.tries.length > 2, 0);
    expect(rig.tries[2]!.texts).toEqual(numbered(15));
    await rig.append(["later"]);
    await rig.until(() => rig.received.includes("later"));
    expect(rig.tries.slice(3, 5).map(({ texts }) => texts)).toEqual([numbered(15), numbered(15)]);
    expect(new Set(rig.tries.slice(2, 5).map(({ parcelId }) => parcelId)).size).toBe(1);
  });

  test("a retry is the same parcel also where a filter took lines out, at its end too", async () => {
    rig = await Rig.open({ drain: { filter: { exclude: "noise" } } });
    rig.script = (_, index) => (index < 2 ? retry : delivered);
    await rig.append(["a", "noise", "b", "noise"]);
    await rig.work();
    await rig.append(["c"]);
    await rig.until(() => rig.received.length === 3);
    expect(rig.tries.map(({ texts }) => texts.join())).toEqual(["a,b", "a,b", "a,b", "c"]);
    expect(new Set(rig.tries.map(({ parcelId }) => parcelId)).size).toBe(2);
    await rig.until(async () => (await rig.state())?.line === 5);
    expect(await rig.state()).toMatchObject({ delivered: 3, filtered: 2 });
  });

  test("waits between retries grow and are spread, and the owner sees the reason meanwhile", async () => {
    rig = await Rig.open();
    rig.script = () => retry;
    await rig.append(["a"]);
    await rig.work();
    await rig.clock.advance(10_000);
    const at = rig.tries.map(({ atMs }) => atMs - rig.tries[0]!.atMs);
    expect(at.slice(0, 6)).toEqual([0, 250, 750, 1750, 3750, 7750]);
    expect(await rig.state()).toMatchObject({
      state: "retrying",
      lastError: { message: "no luck" },
      line: 0,
    });
    const next = Date.parse((await rig.state())!.failing!.nextAttemptAt);
    expect(next).toBe(rig.tries[5]!.atMs + 8_000);
    rig.script = () => delivered;
    await rig.until(async () => (await rig.state())?.state === "idle");
    expect(rig.tries.at(-1)!.atMs).toBe(next);
    expect(await rig.state()).toMatchObject({ lastError: { message: "no luck" }, delivered: 1 });
  });

  test("a certificate that ends soon is told once a day, a restart or not, and stops nothing", async () => {
    rig = await Rig.open();
    rig.script = () => ({ kind: "delivered", expiring: "the certificate ends in 9 days" });
    await rig.append(["a"]);
    let worker = await rig.work();
    const hourMs = 3_600_000;
    for (let hour = 0; hour < 47; hour++) {
      if (hour % 10 === 5) {
        await worker.stop(0);
        worker = await rig.work();
      }
      await rig.append([`hour ${hour}`]);
      await rig.clock.advance(hourMs);
    }
    const found = (await rig.noticed()).map((text) => text.trimEnd());
    expect(found).toEqual(
      Array(2).fill(
        'Error L14 (certificate expiry): drain \'d.1\' error="the certificate ends in 9 days; lines are still delivered" uri="https://receiver.example/…"',
      ),
    );
    expect((await rig.state())!.delivered).toBe(1 + 47 + found.length);
  });

  test("a destination that asks for a longer wait gets it", async () => {
    rig = await Rig.open();
    rig.script = (_, index) => (index === 0 ? { ...retry, afterMs: 90_000 } : delivered);
    await rig.append(["a"]);
    await rig.work();
    await rig.until(() => rig.received.length === 1);
    expect(rig.tries[1]!.atMs - rig.tries[0]!.atMs).toBe(90_000);
  });

  test("while its destination fails a worker holds no connection", async () => {
    rig = await Rig.open();
    rig.script = () => retry;
    await rig.append(["a"]);
    await rig.work();
    await rig.clock.advance(100);
    expect(rig.openSinks).toBe(0);
  });

  test("too large parcels are halved at once and sent in order, and later ones are as small for a while", async () => {
    rig = await Rig.open({ bounds: { probeBytesMax: limits.parcelBytesMax } });
    rig.script = ({ texts }) => (texts.length > 3 ? { kind: "split", reason: "413" } : delivered);
    await rig.append(numbered(20));
    await rig.work();
    await rig.until(() => rig.received.length === 20, 0);
    expect(rig.received).toEqual(numbered(20));
    expect(rig.tries.map(({ texts }) => texts.length)).toEqual([20, 10, 5, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2]);
    expect(rig.tries.every(({ atMs }) => atMs === rig.tries[0]!.atMs)).toBe(true);
    rig.script = () => delivered;
    rig.tries.length = 0;
    await rig.append(numbered(4, 20));
    await rig.until(() => rig.received.length === 24, 0);
    expect(rig.tries.map(({ texts }) => texts.length)).toEqual([2, 2]);
    await rig.clock.advance(limits.splitMsMax);
    await rig.append(numbered(4, 24));
    await rig.until(() => rig.received.length === 28, 0);
    expect(rig.tries.at(-1)!.texts.length).toBe(4);
  });

  test("one line that is too large alone is refused alone", async () => {
    rig = await Rig.open();
    rig.script = ({ texts }) =>
      texts.some((text) => text.startsWith("huge")) ? { kind: "split", reason: "413" } : delivered;
    await rig.append(["a", "b", `huge ${"x".repeat(3000)}`, "c"]);
    await rig.work();
    await rig.until(async () => (await rig.state())?.line === 5);
    expect(rig.received.slice(0, 3)).toEqual(["a", "b", "c"]);
    expect(rig.received[3]).toContain("drain 'd.1' had 1 messages refused");
    expect(await rig.state()).toMatchObject({ delivered: 4, refused: 1, lastError: { message: "413" } });
  });

  test("a line that is refused alone three times is passed, counted and told; its neighbours arrive", async () => {
    rig = await Rig.open();
    rig.script = ({ texts }) => (texts.includes("bad") ? refusedVerdict : delivered);
    await rig.append(["a", "b", "bad", "c"]);
    await rig.work();
    await rig.append(["d"]);
    await rig.until(async () => (await rig.state())?.delivered === 5);
    expect(rig.received.slice(0, 4)).toEqual(["a", "b", "c", "d"]);
    expect(rig.tries.map(({ texts }) => texts.join()).slice(0, 7)).toEqual([
      "a,b,bad,c",
      "a,b",
      "bad,c",
      "bad",
      "bad",
      "bad",
      "c",
    ]);
    expect(new Set(rig.tries.slice(3, 6).map(({ parcelId }) => parcelId)).size).toBe(1);
    expect(await rig.state()).toMatchObject({ refused: 1, lastError: { message: "it said 400" } });
    expect(await rig.noticed()).toEqual([
      "Error L13 (messages refused): drain 'd.1' had 1 messages refused since 2024-05-01T10:00:00.000000+00:00, they are not sent again: it said 400\n",
    ]);
  });

  test("a filter's lines are counted as filtered, also where it keeps none of them", async () => {
    rig = await Rig.open({ drain: { filter: { match: "^keep" } } });
    await rig.append(["drop 1", "drop 2"]);
    await rig.work();
    await rig.append(["keep 1", "drop 3", "keep 2"]);
    await rig.until(async () => (await rig.state())?.line === 5);
    expect(rig.received).toEqual(["keep 1", "keep 2"]);
    expect(await rig.state()).toMatchObject({ delivered: 2, filtered: 3, state: "idle" });
  });

  test("a sink that cannot be made is told to the owner and tried again", async () => {
    rig = await Rig.open();
    const { parts } = rig;
    let made = 0;
    const { DrainWorker } = await import("../../../src/drains/worker/worker.ts");
    const { drainUrlInvalid } = await import("../../../src/errors/drains.ts");
    await rig.append(["a"]);
    const worker = await DrainWorker.open(rig.drain, undefined, {
      ...parts,
      sinkFor: (drain, hooks) => {
        if (made++ === 0) throw drainUrlInvalid("it is no URL");
        return parts.sinkFor(drain, hooks);
      },
    });
    await rig.until(() => rig.received.length === 1);
    expect(worker.checkpoint.lastError?.message).toContain("it is no URL");
    expect(made).toBe(2);
    const stopped = worker.stop(0);
    await stopped;
  });

  test("a notice that is refused is counted, and brings no further notice", async () => {
    rig = await Rig.open();
    rig.script = () => refusedVerdict;
    await rig.append(numbered(2));
    await rig.work();
    await rig.until(async () => (await rig.state())?.refused === 3);
    for (let minute = 0; minute < 5; minute++) await rig.clock.advance(60_000);
    expect(await rig.state()).toMatchObject({ refused: 4, line: 4 });
    expect(await rig.noticed()).toHaveLength(2); // each line's own, the second a minute later
  });

  test("a drain whose lines were refused gives its connection back", async () => {
    rig = await Rig.open({ drain: { filter: { match: "^line" } } });
    rig.script = () => refusedVerdict;
    await rig.append(numbered(1));
    await rig.work();
    await rig.until(async () => (await rig.state())?.refused === 1);
    await rig.until(() => rig.openSinks === 0, 130_000); // idle for a minute
    expect(await rig.state()).toMatchObject({ state: "idle" });
  });
});

describe("small while it may be dead", () => {
  test("a drain that failed before a restart is tried with a small parcel, then with whole ones", async () => {
    rig = await Rig.open({ bounds: { probeBytesMax: 1000 } });
    rig.script = () => retry;
    for (let i = 0; i < 20; i++) await rig.append(numbered(20, 20 * i));
    const worker = await rig.work();
    await rig.until(async () => (await rig.state())?.failing !== undefined);
    await worker.stop(0);
    rig.script = () => delivered;
    rig.tries.length = 0;
    await rig.work();
    await rig.until(() => rig.received.length === 400);
    const sizes = rig.tries.map(({ texts }) => texts.length);
    expect(sizes[0]).toBeLessThan(20);
    expect(Math.max(...sizes)).toBeGreaterThan(50);
    expect(rig.received).toEqual(numbered(400));
  });

  test("beside its first parcel a drain reads on; after a failure it looks again", async () => {
    rig = await Rig.open();
    const follow = vi.spyOn(rig.log, "follow");
    const answers: ((verdict: Verdict) => void)[] = [];
    rig.script = () => new Promise((resolve) => answers.push(resolve));
    await rig.append(["line 0"]);
    await rig.work();
    await rig.until(() => answers.length === 1);
    for (let n = 1; n < 5; n++) await rig.append([`line ${n}`]);
    await rig.until(() => rig.log.lent === 5);
    answers[0]!(delivered);
    await rig.until(() => answers.length === 2);
    expect(rig.tries[1]?.texts).toEqual(numbered(4, 1));
    expect(follow.mock.calls.length).toBe(1);
    answers[1]!(retry);
    await rig.until(() => answers.length === 3);
    expect(follow.mock.calls.length).toBe(2);
    answers[2]!(delivered);
    await rig.until(() => rig.received.length === 5);
    expect(rig.received).toEqual(numbered(5));
  });

  test("what all drains read ahead is bounded, and at the bound each goes on batch by batch", async () => {
    const { ReadAheadBudget } = await import("../../../src/drains/worker/read-ahead-budget.ts");
    const { DrainWorker } = await import("../../../src/drains/worker/worker.ts");
    rig = await Rig.open();
    for (let i = 0; i < 10; i++) await rig.append(numbered(5, 5 * i));
    const readAhead = new ReadAheadBudget(100);
    const other = { heldBytes: 0, sinceMs: Number.POSITIVE_INFINITY, wanted: () => {} };
    const held = { bytes: new Uint8Array(100) };
    readAhead.hold(other, held);
    const worker = await DrainWorker.open(rig.drain, undefined, { ...rig.parts, readAhead });
    await rig.until(() => rig.received.length === 50);
    expect(rig.tries.every(({ texts }) => texts.length === 5)).toBe(true);
    await worker.stop(0);
    readAhead.hold(other, { bytes: new Uint8Array(99) });
    readAhead.release(other, held);
    expect(readAhead.isSpent).toBe(false); // what the worker held was given back
  });

  test("at the bound, a receiver that takes nothing is given up, and has all its lines when it takes them", async () => {
    const { ReadAheadBudget } = await import("../../../src/drains/worker/read-ahead-budget.ts");
    const { DrainWorker } = await import("../../../src/drains/worker/worker.ts");
    rig = await Rig.open();
    rig.script = (_, index) => (index === 0 ? "hang" : delivered);
    const readAhead = new ReadAheadBudget(50_000, { heldMsMax: 10 });
    const texts = Array.from({ length: 20 }, (_, i) => `${i} ${"x".repeat(5_000)}`);
    await rig.append(texts);
    const worker = await DrainWorker.open(rig.drain, undefined, { ...rig.parts, readAhead });
    await rig.until(() => rig.received.length === 20);
    expect(rig.received).toEqual(texts);
    expect(worker.checkpoint).toMatchObject({ delivered: 20, lost: 0 });
    expect(worker.checkpoint.lastError?.message).toContain("given up after");
    await worker.stop(0);
    expect(readAhead.isSpent).toBe(false);
  });

  test("a receiver's own bounds hold where they are lower", async () => {
    const { DrainWorker } = await import("../../../src/drains/worker/worker.ts");
    rig = await Rig.open();
    await rig.append(numbered(10));
    const worker = await DrainWorker.open(rig.drain, undefined, {
      ...rig.parts,
      receiverFor: () => ({ linesMax: 3 }),
    });
    await rig.until(() => rig.received.length === 10);
    expect(rig.tries.map(({ texts }) => texts.length)).toEqual([3, 3, 3, 1]);
    await worker.stop(0);
  });
});

describe("what retention took", () => {
  test("lines that retention took while the destination was down are counted to the line and told once", async () => {
    rig = await Rig.open({ retention: { channelLinesMax: 10 } });
    rig.script = () => retry;
    await rig.append(["first"]);
    await rig.work();
    for (let i = 0; i < 30; i++) await rig.append([`later ${i}`]);
    rig.script = () => delivered;
    await rig.until(async () => (await rig.state())?.state === "idle");
    const state = await rig.state();
    expect(state!.lost).toBe(21); // of 31, ten are kept
    expect(rig.received.slice(0, 10)).toEqual(Array.from({ length: 10 }, (_, i) => `later ${20 + i}`));
    expect(state!.delivered + state!.lost).toBe(state!.line);
    expect(await rig.noticed()).toEqual([
      "Error L10 (output buffer overflow): drain 'd.1' dropped 21 messages since 2024-05-01T09:00:00.000000+00:00. Retention took them before they could be sent: \"tailrace drains:info d.1\" says what held the drain up.\n",
    ]);
  });

  test("where retention took everything that was due, it is told with the next attempt, not with the next line", async () => {
    rig = await Rig.open({ retention: { ageMsMax: 45_000 } });
    rig.script = () => retry;
    await rig.append(numbered(7));
    await rig.work();
    await rig.clock.advance(65_000);
    expect(await rig.state()).toMatchObject({ lost: 7, line: 7 });
    expect(await rig.noticed()).toEqual([expect.stringContaining("dropped 7 messages")]);
    rig.script = () => delivered;
    await rig.append(["fresh"]);
    await rig.until(() => rig.received.includes("fresh"));
    expect(rig.received.join()).not.toContain("line");
  });

  test("retention that takes half of a parcel between two tries: the rest goes out, the half is counted", async () => {
    rig = await Rig.open({ retention: { channelLinesMax: 6 } });
    rig.script = () => retry;
    await rig.append(["a", "b"]);
    await rig.append(["c", "d"]);
    const worker = await rig.work();
    await rig.append(["e", "f"]);
    await rig.append(["g"]);
    rig.script = () => delivered;
    await rig.until(() => worker.checkpoint.failing === undefined);
    expect(rig.received.slice(0, 5)).toEqual(["c", "d", "e", "f", "g"]);
    expect(worker.checkpoint.lost).toBe(2);
  });
});

describe("stopping and going on", () => {
  test("another worker goes on where the first one stopped, without gap or repeat", async () => {
    rig = await Rig.open();
    await rig.append(numbered(3));
    const first = await rig.work();
    await first.stop(0);
    await rig.append(numbered(3, 3));
    expect(rig.received).toEqual(numbered(3));
    await rig.work();
    await rig.until(() => rig.received.length === 6);
    expect(rig.received).toEqual(numbered(6));
  });

  test("a stop waits for the delivery under way and commits it", async () => {
    rig = await Rig.open();
    let answer: (verdict: Verdict) => void = () => {};
    rig.script = () => new Promise((resolve) => (answer = resolve));
    await rig.append(["a"]);
    const worker = await rig.work();
    let isStopped = false;
    const stopped = worker.stop(10_000).then(() => (isStopped = true));
    await rig.clock.advance(9_000);
    expect(isStopped).toBe(false);
    answer(delivered);
    await rig.clock.advance(0);
    await stopped;
    expect(await rig.state()).toMatchObject({ delivered: 1, state: "idle" });
    expect(rig.openSinks).toBe(0);
  });

  test("a stop cuts off a delivery that takes too long; its lines stay due", async () => {
    rig = await Rig.open();
    rig.script = () => "hang";
    await rig.append(["a"]);
    const worker = await rig.work();
    const stopped = worker.stop(10_000);
    await rig.clock.advance(10_000);
    await stopped;
    expect((await rig.state())?.line ?? 0).toBe(0);
    rig.script = () => delivered;
    await rig.work();
    await rig.until(() => rig.received.length === 1);
  });

  test("a stop amid a wait for the next try is immediate", async () => {
    rig = await Rig.open();
    rig.script = () => ({ ...retry, afterMs: 3_600_000 });
    await rig.append(["a"]);
    const worker = await rig.work();
    await rig.clock.advance(100);
    await worker.stop(10_000); // without a step of the clock
    expect(await rig.state()).toMatchObject({ state: "retrying" });
  });

  test("a worker whose state somebody else wrote ends, and writes nothing more", async () => {
    rig = await Rig.open();
    await rig.append(["a"]);
    const worker = await rig.work();
    await rig.until(async () => (await rig.state())?.delivered === 1);
    const found = await rig.store.get<object>("drain-state/drain-1");
    await rig.store.put("drain-state/drain-1", found!.value, found!.revision);
    await rig.append(["b"]);
    await rig.until(() => rig.received.length === 2);
    await rig.clock.advance(1_000);
    await worker.ended;
    expect(await rig.state()).toMatchObject({ delivered: 1 });
    await rig.append(["c"]);
    await rig.clock.advance(60_000);
    expect(rig.received).toEqual(["a", "b"]);
  });

  test("a log that cannot be read is tried again, and the owner is told", async () => {
    rig = await Rig.open();
    const { DrainWorker } = await import("../../../src/drains/worker/worker.ts");
    await rig.append(["a"]);
    let reads = 0;
    const { log } = rig;
    const worker = await DrainWorker.open(rig.drain, undefined, {
      ...rig.parts,
      log: {
        append: (to, batch) => log.append(to, batch),
        recent: (from, lines) => log.recent(from, lines),
        lineAfter: (...args) => log.lineAfter(...args),
        destroy: (gone) => log.destroy(gone),
        close: () => log.close(),
        follow: (...args) => {
          if (reads++ === 0) throw new Error("the disk is on fire");
          return log.follow(...args);
        },
      },
    });
    await rig.until(() => rig.received.length === 1);
    expect(worker.checkpoint.lastError?.message).toContain("the log could not be read");
    await worker.stop(0);
  });

  test("a channel that is destroyed under a worker does not make it spin", async () => {
    rig = await Rig.open();
    await rig.append(["a"]);
    const worker = await rig.work();
    await rig.log.destroy(channel);
    await rig.clock.advance(60_000);
    await worker.stop(0);
    expect(rig.received).toEqual(["a"]);
  });
});

describe("replay", () => {
  const asked = (sinceMs: number, id = "again") => ({ replay: { id, sinceMs } });

  async function settledWith(lines: number): Promise<void> {
    rig = await Rig.open();
    const worker = await rig.work();
    for (let n = 0; n < lines; n++) {
      await rig.append([`line ${n}`]);
      await rig.clock.advance(1_000);
    }
    await worker.stop(0);
    expect(rig.received).toEqual(numbered(lines));
    rig.received.length = 0;
  }

  test("lines since a time are sent again, counted in `replayed` alone, under other parcel ids", async () => {
    await settledWith(5);
    const before = new Set(rig.tries.map(({ parcelId }) => parcelId));
    const worker = await rig.work(asked(rig.clock.nowMs() - 3_000));
    await rig.until(() => rig.received.length === 3);
    expect(rig.received).toEqual(numbered(3, 2));
    await rig.append(["new"]);
    await rig.until(async () => (await rig.state())?.delivered === 6);
    expect(await rig.state()).toMatchObject({ replayed: 3, line: 6, lost: 0, replay: { id: "again" } });
    const progress = { firstLine: 2, line: 5, endLine: 5, sent: 3 };
    expect(worker.checkpoint.replay).toEqual({ id: "again", progress });
    expect(rig.tries.slice(5).some(({ parcelId }) => before.has(parcelId))).toBe(false);
    expect(rig.received.at(-1)).toBe("new");
  });

  test("a replay goes on where it was after a restart, and ends at the cursor", async () => {
    await settledWith(6);
    rig.script = ({ texts }) => (texts.includes("line 3") ? retry : delivered);
    const first = await rig.work({ ...asked(0) });
    await rig.clock.advance(1_000);
    await first.stop(0);
    const reached = rig.received.length;
    rig.script = () => delivered;
    await rig.work({ ...asked(0) });
    await rig.until(async () => (await rig.state())?.replayed === 6);
    expect(new Set(rig.received)).toEqual(new Set(numbered(6)));
    expect(reached).toBeLessThan(6);
    expect(await rig.state()).toMatchObject({ replayed: 6, delivered: 6, line: 6 });
    rig.tries.length = 0;
    await rig.work({ ...asked(0) });
    await rig.clock.advance(10_000);
    expect(rig.tries).toHaveLength(0); // a replay is done once
  });

  test("a replay of a time with no lines does nothing and is done", async () => {
    await settledWith(2);
    await rig.work(asked(rig.clock.nowMs() + 1_000));
    await rig.until(async () => (await rig.state())?.replay?.id === "again");
    expect(rig.received).toEqual([]);
    expect(await rig.state()).toMatchObject({ replayed: 0, delivered: 2 });
  });

  test("lines that retention took of a replay are counted nowhere", async () => {
    rig = await Rig.open({ retention: { channelLinesMax: 3 } });
    const first = await rig.work();
    for (let n = 0; n < 6; n++) {
      await rig.append([`line ${n}`]);
      await rig.until(() => rig.received.length === n + 1, 0);
    }
    expect(rig.received).toEqual(numbered(6));
    await first.stop(0);
    rig.received.length = 0;
    const second = await rig.work(asked(0));
    await rig.until(() => second.checkpoint.replay !== undefined && second.checkpoint.replayed > 0);
    await rig.clock.advance(1_000);
    expect(rig.received).toEqual(numbered(rig.received.length, 6 - rig.received.length));
    expect(second.checkpoint).toMatchObject({ replayed: rig.received.length, lost: 0, delivered: 6 });
  });
});

describe("a connection that breaks soon after a delivery", () => {
  async function deliveredWith(lines: number): Promise<DrainWorker> {
    rig = await Rig.open();
    const worker = await rig.work();
    for (let n = 0; n < lines; n++) {
      await rig.append([`line ${n}`]);
      await rig.clock.advance(400);
    }
    expect(rig.received).toEqual(numbered(lines));
    rig.received.length = 0;
    return worker;
  }

  test("what was delivered lately goes once more, though no line comes any more, and is counted as such", async () => {
    await deliveredWith(10);
    rig.breakConnection();
    await rig.until(async () => (await rig.state())?.state === "retrying");
    expect(await rig.state()).toMatchObject({ lastError: { message: "broke soon" } });
    await rig.until(async () => (await rig.state())!.replayed > 0 && !(await rig.state())?.unconfirmed);
    const again = rig.received.length;
    expect(rig.received).toEqual(numbered(again, 10 - again));
    expect(again).toBeGreaterThanOrEqual(3); // of the last second
    expect(again).toBeLessThanOrEqual(6); // and no more than the one before
    expect(await rig.state()).toMatchObject({ line: 10, delivered: 10, replayed: again, state: "idle" });
  });

  test("before what comes next, in order, whatever fails meanwhile", async () => {
    await deliveredWith(2);
    rig.script = (_, index) => (index % 2 === 0 ? retry : delivered);
    rig.breakConnection();
    await rig.append(["line 2"]);
    await rig.until(async () => (await rig.state())?.line === 3);
    expect(rig.received).toEqual(numbered(3));
    expect(await rig.state()).toMatchObject({ line: 3, delivered: 3, replayed: 2 });
  });

  test("by whoever runs the drain next", async () => {
    const worker = await deliveredWith(2);
    rig.script = () => retry;
    rig.breakConnection();
    await worker.stop(0);
    rig.script = () => delivered;
    await rig.work();
    await rig.until(() => rig.received.length >= 2);
    expect(rig.received).toEqual(numbered(2));
    await rig.until(async () => (await rig.state())?.unconfirmed === undefined);
    expect(await rig.state()).toMatchObject({ line: 2, delivered: 2, replayed: 2 });
  });

  test("what retention took of them is lost, and not delivered any more; filtered ones stay filtered", async () => {
    rig = await Rig.open({
      retention: { ageMsMax: 60_000 },
      drain: { filter: { exclude: "noise|Error L" } },
    });
    const worker = await rig.work();
    await rig.append(numbered(20));
    await rig.clock.advance(5_000);
    await rig.append(["line a", ...Array(10).fill("noise"), "line b"]);
    await rig.clock.advance(100);
    expect(worker.checkpoint).toMatchObject({ line: 32, delivered: 22, filtered: 10, lost: 0 });
    rig.script = () => retry;
    rig.breakConnection();
    await rig.clock.advance(100);
    expect(worker.checkpoint.unconfirmed).toMatchObject([{ line: 20, endLine: 32, counted: 2 }]);
    await rig.until(() => worker.checkpoint.unconfirmed === undefined);
    expect(worker.checkpoint).toMatchObject({ delivered: 20, lost: 2 });
    expect(await rig.noticed()).toEqual([expect.stringContaining("dropped 2 messages")]);
  });

  test("each time, and less and less often while it goes on", async () => {
    await deliveredWith(1);
    rig.script = () => {
      queueMicrotask(() => queueMicrotask(() => setImmediate(rig.breakConnection)));
      return delivered;
    };
    rig.breakConnection();
    const startedMs = rig.clock.nowMs();
    await rig.until(() => rig.clock.nowMs() - startedMs > 600_000);
    expect(rig.received.length).toBeGreaterThan(15);
    expect(rig.received.length).toBeLessThan(40); // 30 s between two, in the end
  });

  test("a replay goes back with it, and ends where it would have", async () => {
    const worker = await deliveredWith(6);
    await worker.stop(0);
    let isBroken = false;
    rig.script = ({ texts }) => {
      if (texts.includes("line 5") && !isBroken) {
        isBroken = true;
        setImmediate(rig.breakConnection);
      }
      return delivered;
    };
    await rig.work({ replay: { id: "again", sinceMs: 0 } });
    const times = () => rig.received.filter((text) => text === "line 5").length;
    await rig.until(async () => times() === 2 && (await rig.state())?.state === "idle");
    const state = (await rig.state())!;
    expect(new Set(rig.received)).toEqual(new Set(numbered(6)));
    expect(state).toMatchObject({ line: 6, delivered: 6, replay: { id: "again" } });
    expect(state.replay!.position).toBeUndefined();
  });
});
