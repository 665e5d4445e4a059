/** Each line gets one place in the ledger, once: live, sent once more, lost, or of a log that was replaced. */
import { AssertionError } from "node:assert";
import { expect, test } from "vitest";
import {
  advanced,
  assertAddsUp,
  beganAgain,
  lost,
  lostUnconfirmed,
  settled,
} from "../../../../src/drains/worker/machine/ledger.ts";
import type { DeliveryRange, Redelivery } from "../../../../src/drains/worker/machine/ranges.ts";
import { cutOf, liveAt, memoryAt, nowMs, placeOf } from "./states.ts";

const { checkpoint } = memoryAt(20);
const stretch = { ...placeOf(12), endLine: 16, counted: 3 };
const other = { ...placeOf(18), endLine: 20, counted: 2 };
const redelivery: Redelivery = { kind: "redelivery", ...stretch };
const owed = { ...checkpoint, unconfirmed: [stretch, other] };
const replay: DeliveryRange = { kind: "replay", id: "again", ...placeOf(12), endLine: 16 };

test("live lines are delivered, refused or filtered, and the cursor moves behind them", () => {
  const cut = cutOf(20, 30, { count: 7, filtered: 3 });
  const after = settled(checkpoint, liveAt(20), cut, { delivered: 5, refused: 2 }, nowMs);
  expect(after).toMatchObject({ ...placeOf(30), delivered: 25, refused: 2, filtered: 3, replayed: 0 });
  expect(after.rate).toBeDefined();
  assertAddsUp(after, 0);
});

test("lines that are sent once more count in `replayed` alone", () => {
  for (const [range, left] of [
    [redelivery, { unconfirmed: [{ ...placeOf(14), endLine: 16, counted: 1 }, other] }],
    [replay, { replay: { id: "again", position: placeOf(14).position } }],
  ] as const) {
    const after = settled(owed, range, cutOf(12, 14), { delivered: 2, refused: 0 }, nowMs);
    expect(after).toMatchObject({ ...placeOf(20), delivered: 20, replayed: 2, ...left });
    assertAddsUp(after, 0);
  }
});

test("a range that is over is owed no more", () => {
  const over = { ...redelivery, ...placeOf(16) };
  expect(advanced(owed, redelivery, over).unconfirmed).toEqual([other]);
  expect(advanced({ ...owed, unconfirmed: [stretch] }, redelivery, over).unconfirmed).toBeUndefined();
  const progress = { firstLine: 12, line: 16, endLine: 16, sent: 3 };
  expect(advanced(owed, replay, { ...replay, ...placeOf(16) }, 3).replay).toEqual({ id: "again", progress });
});

test("a replay counts how far it is, across its parcels, and another one begins anew", () => {
  const half = advanced(owed, replay, { ...replay, ...placeOf(14) }, 1);
  expect(half.replay?.progress).toEqual({ firstLine: 12, line: 14, endLine: 16, sent: 1 });
  const rest = { ...replay, ...placeOf(14) };
  const whole = advanced(half, rest, { ...rest, ...placeOf(16) }, 2);
  expect(whole.replay?.progress).toEqual({ firstLine: 12, line: 16, endLine: 16, sent: 3 });
  const other = { ...replay, id: "other" };
  expect(advanced(whole, other, { ...other, ...placeOf(13) }, 1).replay?.progress).toEqual({
    firstLine: 12,
    line: 13,
    endLine: 16,
    sent: 1,
  });
});

test("what a break brought back meanwhile is owed whole", () => {
  for (const grown of [
    { ...stretch, endLine: 20 },
    { ...stretch, ...placeOf(10) },
  ]) {
    const more = { ...checkpoint, unconfirmed: [grown] };
    expect(advanced(more, redelivery, { ...redelivery, ...placeOf(16) })).toEqual(more);
  }
});

test("lines that retention took are lost, and delivered ones are not delivered any more", () => {
  const live = lost(checkpoint, placeOf(27));
  expect(live).toMatchObject({ ...placeOf(27), delivered: 20, lost: 7 });
  const { checkpoint: after, left, missing } = lostUnconfirmed(owed, redelivery, placeOf(18));
  expect({ missing, left }).toMatchObject({ missing: 3, left: { line: 16, counted: 0 } });
  expect(after).toMatchObject({ delivered: 17, lost: 3, unconfirmed: [other] });
  for (const one of [live, after]) assertAddsUp(one, 0);
});

test("no more unconfirmed lines are lost than are gone, or stand in `delivered`", () => {
  expect(lostUnconfirmed(owed, redelivery, placeOf(13)).missing).toBe(1);
  expect(lostUnconfirmed({ ...owed, delivered: 2 }, redelivery, placeOf(18)).missing).toBe(2);
});

test("another log goes on with its oldest line, and owes nothing of the one before", () => {
  const counted = { ...owed, line: 26, refused: 2, lost: 3, filtered: 1 };
  const after = beganAgain(counted, placeOf(7));
  expect(after).toMatchObject({ ...placeOf(7), startLine: 7 - 26 });
  expect(after.unconfirmed).toBeUndefined();
  assertAddsUp(after, 0);
});

test("a line without a place is a fault of the program", () => {
  expect(() => assertAddsUp({ ...checkpoint, line: 21 }, 0)).toThrow(AssertionError);
});
