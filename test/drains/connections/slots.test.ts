import { beforeEach, expect, test } from "vitest";
import { ConnectionSlots, type Slot } from "../../../src/drains/connections/slots.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const clock = new FakeClock();
let slots: ConnectionSlots;

beforeEach(() => {
  slots = new ConnectionSlots({ socketsMax: 4, idleMsMax: 60_000, failingMax: 2, failingEveryMs: 0, clock });
});

/** A holder that gives its slot back when it is asked to. */
function holder(failing = false) {
  const held = { slot: undefined as Slot | undefined, asked: 0, leave: () => {} };
  const waiter = slots.wait(failing ? "failing" : "well", {
    granted(slot: Slot) {
      held.slot = slot;
    },
    giveBack() {
      held.asked++;
      held.slot!.release();
    },
  });
  held.leave = () => waiter.leave();
  return held;
}

const holders = (count: number, failing = false) => Array.from({ length: count }, () => holder(failing));
const granted = (all: { slot: Slot | undefined }[]) => all.filter(({ slot }) => slot !== undefined).length;

test("no more slots are out than there are connections, and the next in line gets one that is given back", async () => {
  const all = holders(7);
  await clock.advance(0);
  expect(all.map(({ slot }) => slot !== undefined)).toEqual([true, true, true, true, false, false, false]);
  all[2]!.slot!.release();
  all[2]!.slot!.release(); // twice is once
  await clock.advance(0);
  expect(granted(all.slice(4))).toBe(1);
  expect(all[4]!.slot).toBeDefined();
});

test("the slot that is idle for longest is asked for when all are out and somebody waits", async () => {
  const all = holders(4);
  await clock.advance(0);
  all[1]!.slot!.idle();
  all[3]!.slot!.idle();
  const next = holder();
  await clock.advance(0);
  expect(all.map(({ asked }) => asked)).toEqual([0, 1, 0, 0]);
  expect(next.slot).toBeDefined();
});

test("a busy slot is not asked for; it is when it falls idle and somebody waits", async () => {
  const all = holders(4);
  await clock.advance(0);
  all[0]!.slot!.idle();
  all[0]!.slot!.busy();
  const next = holder();
  await clock.advance(0);
  expect(next.slot).toBeUndefined();
  all[0]!.slot!.idle();
  await clock.advance(0);
  expect(all[0]!.asked).toBe(1);
  expect(next.slot).toBeDefined();
});

test("failing drains hold half of the slots at most, and others pass them by", async () => {
  const failing = holders(5, true);
  await clock.advance(0);
  expect(granted(failing)).toBe(2);
  const well = holders(2);
  await clock.advance(0);
  expect(granted(well)).toBe(2);
  failing[0]!.slot!.release();
  await clock.advance(0);
  expect(granted(failing.slice(1))).toBe(2);
});

test("a drain that delivered counts as well again", async () => {
  const failing = holders(3, true);
  await clock.advance(0);
  failing[0]!.slot!.idle();
  await clock.advance(0);
  expect(granted(failing)).toBe(3);
});

test("slots are granted in the order in which they were asked for, failing or not", async () => {
  const all = holders(4);
  await clock.advance(0);
  const order = [holder(true), holder(), holder(true), holder()];
  for (let given = 1; given <= 4; given++) {
    all[given - 1]!.slot!.release();
    await clock.advance(0);
    expect(order.map(({ slot }) => slot !== undefined)).toEqual(order.map((_, at) => at < given));
  }
});

test("whoever does not wait any longer leaves the line", () => {
  const all = holders(4);
  const [gone, next] = [holder(), holder()];
  gone.leave();
  all[0]!.slot!.release();
  expect(gone.slot).toBeUndefined();
  expect(next.slot).toBeDefined();
});

test("one slot is asked for at a time, though its holder takes a moment to give it back", () => {
  let asked = 0;
  const held: Slot[] = [];
  for (let n = 0; n < 4; n++)
    slots.wait("well", { granted: (slot) => held.push(slot), giveBack: () => asked++ });
  for (const slot of held) slot.idle();
  const waiting = [holder(), holder()];
  expect(asked).toBe(1);
  held[0]!.release();
  expect(granted(waiting)).toBe(1);
  expect(asked).toBe(2);
  held[1]!.busy(); // it was quicker: the next one is asked for when one falls idle
  expect(granted(waiting)).toBe(1);
  held[1]!.idle();
  expect(asked).toBe(3);
});

test("a connection that nobody used for a while is closed, also without anybody waiting", async () => {
  const [first, second] = holders(2);
  await clock.advance(0);
  first!.slot!.idle();
  await clock.advance(30_000);
  second!.slot!.idle();
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
  first!.slot!.idle();
  await clock.advance(0);
  expect(clock.sleeping).toBe(1);
  slots.close();
  await clock.advance(0);
  expect(clock.sleeping).toBe(0);
});
