/** What a drain does in five situations that everybody asks about. */
import { afterEach, expect, test } from "vitest";
import type { Verdict } from "../../../src/ports.ts";
import { delivered, Rig, type Try } from "../rig.ts";

let rig: Rig;
afterEach(() => rig.close());

const lines = (count: number, from = 0) =>
  Array.from({ length: count }, (_, n) => `line ${String(from + n).padStart(2, "0")}`);

test("a 503: the parcel waits, and goes out again as it was, under the same id, before what came meanwhile", async () => {
  rig = await Rig.open();
  const unavailable: Verdict = { kind: "retry", reason: "it answered 503" };
  rig.script = (_, index) => (index < 2 ? unavailable : delivered);
  await rig.append(lines(2));
  await rig.work();
  await rig.append(lines(1, 2));

  await rig.until(async () => (await rig.shown()).state === "retrying");
  expect(await rig.shown()).toMatchObject({ lagLines: 3, lastError: { message: "it answered 503" } });
  expect(rig.openSinks).toBe(0); // a drain that waits holds no connection

  await rig.until(async () => (await rig.shown()).state === "idle");
  expect(rig.received).toEqual(lines(3));
  const [first, second, third] = rig.tries as [Try, Try, Try];
  expect([second, third].map(({ parcelId, texts }) => ({ parcelId, texts }))).toEqual(
    Array(2).fill({ parcelId: first.parcelId, texts: lines(2) }),
  );
  expect([second.atMs - first.atMs, third.atMs - second.atMs]).toEqual([250, 500]);
});

test("a reset on syslog: all that was not confirmed comes again, in order, and counts once", async () => {
  rig = await Rig.open({ silent: true });
  await rig.append(lines(1));
  await rig.work();
  await rig.until(() => rig.received.length === 1);
  await rig.clock.advance(5_000); // line 0 is old enough to be sure of

  await rig.append(lines(1, 1));
  await rig.until(async () => (await rig.state())?.delivered === 2);
  rig.quietMs = 1_000;
  for (let n = 2; n < 5; n++) {
    await rig.append(lines(1, n));
    await rig.until(() => rig.tries.length === n + 1, 0); // behind those before, without a wait
  }
  expect(await rig.shown()).toMatchObject({ delivered: 2 });

  rig.quietMs = 5;
  rig.reset();
  await rig.until(async () => (await rig.shown()).state === "idle");
  expect(rig.tries.slice(5).flatMap(({ texts }) => texts)).toEqual(lines(4, 1));
  expect(await rig.state()).toMatchObject({ delivered: 5, replayed: 1, lost: 0, line: 5 });
});

test("a 413: the lines go out in halves at once, and the next ones in parcels as small", async () => {
  rig = await Rig.open({ bounds: { probeBytesMax: 512 * 1024 } });
  const tooLarge: Verdict = { kind: "split", reason: "it answered 413" };
  rig.script = ({ texts }) => (texts.length > 2 ? tooLarge : delivered);
  await rig.append(lines(8));
  await rig.work();
  await rig.until(() => rig.received.length === 8);
  expect(rig.received).toEqual(lines(8));
  expect(rig.tries.map(({ texts }) => texts.length)).toEqual([8, 4, 2, 2, 2, 2]);
  expect(new Set(rig.tries.map(({ atMs }) => atMs)).size).toBe(1); // without a wait

  await rig.append(lines(4, 8));
  await rig.until(() => rig.received.length === 12);
  expect(rig.tries.slice(6).map(({ texts }) => texts.length)).toEqual([2, 2]);
});

test("a replay during an outage: it waits with the rest, goes first when the outage is over, and the rest follows", async () => {
  rig = await Rig.open();
  const worker = await rig.work();
  await rig.append(lines(3));
  await rig.until(async () => (await rig.state())?.delivered === 3);

  rig.script = () => ({ kind: "retry", reason: "it is down" });
  await rig.append(lines(2, 3));
  await rig.until(async () => (await rig.shown()).state === "retrying");
  worker.replay({ id: "again", sinceMs: 0 });
  await rig.clock.advance(10_000);
  expect(rig.received).toEqual(lines(3));

  rig.script = () => delivered;
  await rig.until(async () => (await rig.state())?.delivered === 5);
  expect(rig.received).toEqual([...lines(3), ...lines(3), ...lines(2, 3)]);
  expect(await rig.state()).toMatchObject({ replayed: 3, replay: { id: "again" }, line: 5 });
});

test("a lost lease: the node that has it now goes on with the same parcels, and the one before writes nothing more", async () => {
  rig = await Rig.open();
  let answer: (verdict: Verdict) => void = () => {};
  rig.script = () => new Promise((resolve) => (answer = resolve));
  await rig.append(lines(2));
  const before = await rig.work({}, { lease: 1 });
  await rig.until(() => rig.tries.length === 1);

  rig.script = () => delivered;
  await rig.work({}, { lease: 2 });
  await rig.until(async () => (await rig.state())?.delivered === 2);
  answer(delivered); // what was on its way arrives, and the node before hears of it
  let isOver = false;
  void before.ended.then(() => (isOver = true));
  await rig.until(() => isOver);
  expect(before.checkpoint.delivered).toBe(2);
  await rig.append(lines(1, 2));
  await rig.until(async () => (await rig.state())?.delivered === 3);
  expect(rig.tries.map(({ parcelId }) => parcelId)).toEqual([
    rig.tries[0]!.parcelId,
    rig.tries[0]!.parcelId,
    rig.tries[2]!.parcelId,
  ]);
  expect(await rig.state()).toMatchObject({ delivered: 3, line: 3 });
});
