/** Whose turn it is to be read, by a clock and an event loop that the test holds. */
import { beforeEach, expect, test } from "vitest";
import { Bursts } from "../../../src/ingest/connections/bursts.ts";
import { FakeClock, settled } from "../../support/fake-clock.ts";

let nowMs: number;
let ends: (() => void)[];
let waitingBytes: number;
let clock: FakeClock;
let bursts: Bursts;
let gone: string[];

beforeEach(() => {
  nowMs = 1_000;
  ends = [];
  waitingBytes = 0;
  gone = [];
  clock = new FakeClock();
  bursts = new Bursts({
    waitingBytes: () => waitingBytes,
    clock,
    nowMs: () => nowMs,
    defer: (run) => void ends.push(run),
  });
});

function lineUp(...names: string[]): void {
  for (const name of names) void bursts.next(name.slice(0, 1)).then(() => gone.push(name));
}

/** Takes a read that takes so long. */
function read(ms: number): void {
  bursts.began();
  nowMs += ms;
  bursts.took();
}

/** Ends the turn of the event loop, in which reads took so long and all else as long as is said. */
async function endTurn(readMs = 0, othersMs = 0): Promise<string[]> {
  if (readMs > 0) read(readMs);
  nowMs += othersMs;
  gone = [];
  for (const end of ends.splice(0)) end();
  await settled(1);
  return gone;
}

test("bytes of TLS count for their decryption, which was over before", async () => {
  bursts.began(900_000);
  bursts.took();
  expect(bursts.isOver).toBe(false);
  bursts.began(200_000);
  bursts.took();
  expect(bursts.isOver).toBe(true);
  expect(bursts.turn).toBe(0);
  await endTurn();
  expect(bursts.turn).toBe(1);
  bursts.began(900_000);
  bursts.took();
  expect(bursts.isOver).toBe(false);
});

test("the time of a turn is that of its reads, whatever is done between them", async () => {
  read(1);
  nowMs += 50;
  bursts.began();
  nowMs += 1.4;
  expect([bursts.isLate, bursts.isOver]).toEqual([false, false]);
  nowMs += 0.1;
  expect(bursts.isLate).toBe(true);
  bursts.took();
  expect(bursts.isOver).toBe(true);
  await endTurn();
  bursts.began();
  expect([bursts.isLate, bursts.isOver]).toEqual([false, false]);
});

test("small reads are not looked at: no end of a turn is awaited for them", () => {
  bursts.took();
  expect([bursts.isOver, ends]).toEqual([false, []]);
  expect(bursts.isLate).toBe(false);
  expect(ends).toHaveLength(1);
});

test.each([
  [1, 2],
  [6, 3],
  [100, 5],
])("while some wait and all else takes %i ms, reads have %i", async (othersMs, readsMs) => {
  lineUp("a", "b", "c");
  await endTurn();
  await endTurn(2, othersMs);
  read(readsMs - 0.01);
  expect(bursts.isOver).toBe(false);
  read(0.02);
  expect(bursts.isOver).toBe(true);
  for (let turn = 0; turn < 3; turn++) await endTurn();
  read(2);
  expect(bursts.isOver).toBe(true);
});

test("those that wait have their turn one after the other, and addresses take turns", async () => {
  lineUp("a1", "a2", "a3", "b1");
  expect(bursts.isCrowded).toBe(true);
  expect(await endTurn(2)).toEqual(["a1"]);
  lineUp("a1");
  expect(await endTurn(2)).toEqual(["b1"]);
  expect(await endTurn(2)).toEqual(["a2"]);
  expect(await endTurn(2)).toEqual(["a3"]);
  expect(await endTurn(2)).toEqual(["a1"]);
  expect(bursts.isCrowded).toBe(false);
  expect(await endTurn()).toEqual([]);
  expect(ends).toEqual([]);
});

test("more of them go on in a turn as long as none of them has much", async () => {
  const names = Array.from({ length: 100 }, (_, i) => `a${i}`);
  lineUp(...names);
  const counts: number[] = [];
  for (let turn = 0; turn < 6; turn++) counts.push((await endTurn(0.1)).length);
  expect(counts).toEqual([2, 4, 8, 16, 16, 16]);
  expect((await endTurn(1)).length).toBe(1);
});

test("while too many lines wait for the log one goes on in five milliseconds", async () => {
  lineUp("a1", "b1", "c1");
  expect(await endTurn(2)).toEqual(["a1"]);
  waitingBytes = 5 << 20;
  expect(await endTurn(2)).toEqual([]);
  expect(ends).toEqual([]);
  await clock.advance(4);
  expect(gone).toEqual([]);
  await clock.advance(1);
  expect(gone).toEqual(["b1"]);
  expect(await endTurn(2)).toEqual([]);
  await clock.advance(1);
  waitingBytes = 0;
  await clock.advance(1);
  expect(gone).toEqual(["c1"]);
});
