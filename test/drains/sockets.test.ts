import { beforeEach, expect, test } from "vitest";
import { Sockets, type Turn } from "../../src/drains/sockets.ts";
import { FakeClock } from "../support/fake-clock.ts";

const clock = new FakeClock();
const never = new AbortController().signal;
let sockets: Sockets;

beforeEach(() => {
  sockets = new Sockets({ socketsMax: 4, idleMsMax: 60_000, failingMax: 2, failingEveryMs: 0, clock });
});

/** A holder that gives its turn back when it is asked to. */
function holder(failing = false, signal = never) {
  const held = { turn: undefined as Turn | undefined, asked: 0, isSettled: false };
  const hands = {
    granted(turn: Turn) {
      held.turn = turn;
    },
    giveBack() {
      held.asked++;
      held.turn!.release();
    },
  };
  void sockets.take(failing ? "failing" : "well", hands, signal).then((isGranted) => {
    expect(isGranted).toBe(held.turn !== undefined);
    held.isSettled = true;
  });
  return held;
}

const holders = (count: number, failing = false) => Array.from({ length: count }, () => holder(failing));
const granted = (all: { turn: Turn | undefined }[]) => all.filter(({ turn }) => turn !== undefined).length;

test("no more turns are out than there are connections, and the next in line gets one that is given back", async () => {
  const all = holders(7);
  await clock.advance(0);
  expect(all.map(({ turn }) => turn !== undefined)).toEqual([true, true, true, true, false, false, false]);
  all[2]!.turn!.release();
  all[2]!.turn!.release(); // twice is once
  await clock.advance(0);
  expect(granted(all.slice(4))).toBe(1);
  expect(all[4]!.turn).toBeDefined();
});

test("the turn that is idle for longest is asked for when all are out and somebody waits", async () => {
  const all = holders(4);
  await clock.advance(0);
  all[1]!.turn!.idle();
  all[3]!.turn!.idle();
  const next = holder();
  await clock.advance(0);
  expect(all.map(({ asked }) => asked)).toEqual([0, 1, 0, 0]);
  expect(next.turn).toBeDefined();
});

test("a busy turn is not asked for; it is when it falls idle and somebody waits", async () => {
  const all = holders(4);
  await clock.advance(0);
  all[0]!.turn!.idle();
  all[0]!.turn!.busy();
  const next = holder();
  await clock.advance(0);
  expect(next.turn).toBeUndefined();
  all[0]!.turn!.idle();
  await clock.advance(0);
  expect(all[0]!.asked).toBe(1);
  expect(next.turn).toBeDefined();
});

test("failing drains hold half of the turns at most, and others pass them by", async () => {
  const failing = holders(5, true);
  await clock.advance(0);
  expect(granted(failing)).toBe(2);
  const well = holders(2);
  await clock.advance(0);
  expect(granted(well)).toBe(2);
  failing[0]!.turn!.release();
  await clock.advance(0);
  expect(granted(failing.slice(1))).toBe(2);
});

test("a drain that delivered counts as well again", async () => {
  const failing = holders(3, true);
  await clock.advance(0);
  failing[0]!.turn!.idle();
  await clock.advance(0);
  expect(granted(failing)).toBe(3);
});

test("turns are granted in the order in which they were asked for, failing or not", async () => {
  const all = holders(4);
  await clock.advance(0);
  const order = [holder(true), holder(), holder(true), holder()];
  for (let given = 1; given <= 4; given++) {
    all[given - 1]!.turn!.release();
    await clock.advance(0);
    expect(order.map(({ turn }) => turn !== undefined)).toEqual(order.map((_, at) => at < given));
  }
});

test("whoever does not wait any longer leaves the line", async () => {
  const all = holders(4);
  const leaving = new AbortController();
  const [gone, next] = [holder(false, leaving.signal), holder()];
  await clock.advance(0);
  leaving.abort();
  await clock.advance(0);
  expect(gone).toMatchObject({ isSettled: true, turn: undefined });
  all[0]!.turn!.release();
  await clock.advance(0);
  expect(next.turn).toBeDefined();
  const nobody = { granted: () => expect.unreachable(), giveBack: () => {} };
  expect(await sockets.take("well", nobody, AbortSignal.abort())).toBe(false);
});

test("a connection that nobody used for a while is closed, also without anybody waiting", async () => {
  const [first, second] = holders(2);
  await clock.advance(0);
  first!.turn!.idle();
  await clock.advance(30_000);
  second!.turn!.idle();
  await clock.advance(29_999);
  expect(first!.asked).toBe(0);
  await clock.advance(1);
  expect([first!.asked, second!.asked]).toEqual([1, 0]);
  await clock.advance(30_000);
  expect(second!.asked).toBe(1);
  expect(clock.sleeping).toBe(0);
});

test("close ends the watch over idle connections", async () => {
  const [first] = holders(1);
  await clock.advance(0);
  first!.turn!.idle();
  await clock.advance(0);
  expect(clock.sleeping).toBe(1);
  sockets.close();
  await clock.advance(0);
  expect(clock.sleeping).toBe(0);
});
