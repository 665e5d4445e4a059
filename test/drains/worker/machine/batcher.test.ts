/** How large the next parcel may be, and where it ends. */
import { describe, expect, test } from "vitest";
import {
  beginningAt,
  halveByContent,
  halveBySize,
  heldEndOf,
  hold,
  isDivisible,
  parcelLimitsOf,
  passed,
  type ReceiverLimits,
  type Sized,
  type Sizing,
  sizingFor,
  unsized,
} from "../../../../src/drains/worker/machine/batcher.ts";
import type { DeliveryRange } from "../../../../src/drains/worker/machine/ranges.ts";
import { cutOf, liveAt, placeOf } from "./states.ts";

const limits = { parcelLinesMax: 100, parcelBytesMax: 10_000, probeBytesMax: 500, splitMsMax: 60_000 };
const live = liveAt(10);
const replay: DeliveryRange = { kind: "replay", id: "again", ...placeOf(10), endLine: 50 };
const redelivery: DeliveryRange = { kind: "redelivery", ...placeOf(10), endLine: 50, counted: 5 };

const bounds = (sizing: Sizing, rest: Partial<Sized> = {}) =>
  parcelLimitsOf(sizing, { range: live, isTrusted: true, monotonicMs: 0, limits, receiver: {}, ...rest });

describe("a parcel is as large as", () => {
  test("the limits allow, and smaller where its receiver takes less", () => {
    const at = (receiver: ReceiverLimits) => bounds(unsized, { receiver });
    expect(at({})).toMatchObject({ linesMax: 100, bytesMax: 10_000, isHeld: false });
    expect(at({ linesMax: 7, bytesMax: 900 })).toMatchObject({ linesMax: 7, bytesMax: 900 });
    expect(at({ linesMax: 1_000 })).toMatchObject({ linesMax: 100 });
  });

  test("a probe, for a drain that did not deliver yet", () => {
    expect(bounds(unsized, { isTrusted: false }).bytesMax).toBe(500);
  });

  test("half of one that was too large, for a while", () => {
    const halved = halveBySize({ ...unsized, slowTries: 1 }, live, cutOf(10, 20), 60_000);
    expect(halved.slowTries).toBe(0);
    expect(bounds(halved, { monotonicMs: 59_999 }).bytesMax).toBe(500);
    expect(bounds(halved, { monotonicMs: 60_000 }).bytesMax).toBe(10_000);
  });

  test("its range reaches", () => {
    expect(bounds(unsized, { range: replay }).endLine).toBe(50);
  });
});

describe("a parcel that is sent again ends where it ended", () => {
  const held = hold(hold(unsized, live, cutOf(10, 20)), replay, cutOf(10, 30));

  test("however large it is, in its own range", () => {
    const unbounded = { linesMax: Number.MAX_SAFE_INTEGER, bytesMax: Number.MAX_SAFE_INTEGER };
    expect(bounds(held)).toEqual({ ...unbounded, endLine: 20, isHeld: true });
    expect(bounds(held, { range: replay })).toEqual({ ...unbounded, endLine: 30, isHeld: true });
    expect(heldEndOf(held, { ...replay, id: "other" })).toBeUndefined();
  });

  test("but not one of a redelivery", () => {
    expect(heldEndOf(held, redelivery)).toBeUndefined();
    expect(hold(unsized, redelivery, cutOf(10, 20))).toEqual(unsized);
  });

  test("until its lines are passed, it is too large or one of them is refused", () => {
    expect(heldEndOf(passed(held, live, 19), live)).toBe(20);
    expect(heldEndOf(passed(held, live, 20), live)).toBeUndefined();
    expect(heldEndOf(halveBySize(held, live, cutOf(10, 20), 0), live)).toBeUndefined();
    expect(heldEndOf(halveByContent(held, live, cutOf(10, 20)), live)).toBeUndefined();
  });
});

describe("lines that are refused", () => {
  test("are halved, and the first half is tried first, down to one line", () => {
    let sizing = unsized;
    const ends: number[] = [];
    for (let endLine = 17; endLine > 11; endLine = ends.at(-1)!) {
      sizing = halveByContent(sizing, live, cutOf(10, endLine));
      ends.push(bounds(sizing).endLine!);
    }
    expect(ends).toEqual([13, 11]);
    expect(sizing.suspectEnds).toEqual([17, 13, 11]);
  });

  test("are left behind as the range passes them, with the tries that they took", () => {
    const sizing = { ...unsized, suspectEnds: [17, 13, 11], refusals: 2, slowTries: 1 };
    expect(passed(sizing, live, 13)).toEqual({ ...unsized, suspectEnds: [17] });
  });

  test("say nothing of another range", () => {
    const sizing = { ...unsized, suspectEnds: [17], refusals: 2, slowTries: 1 };
    expect(sizingFor(sizing, live)).toBe(sizing);
    expect(sizingFor(sizing, replay)).toEqual({ ...unsized, of: "replay again" });
  });
});

test("what retention took the end of is cut anew", () => {
  const sizing = { ...hold(unsized, live, cutOf(10, 20)), suspectEnds: [40, 12] };
  expect(beginningAt(sizing, liveAt(11))).toBe(sizing);
  expect(beginningAt(sizing, liveAt(12))).toMatchObject({ heldLive: 20, suspectEnds: [40] });
});

test("a parcel of one line, or a small one, is not too large for a destination that is slow", () => {
  const sizeOf = (count: number, bytes: number) => isDivisible(cutOf(0, count, { bytes }));
  expect([sizeOf(1, 100_000), sizeOf(2, 16_384), sizeOf(2, 16_385)]).toEqual([false, false, true]);
});
