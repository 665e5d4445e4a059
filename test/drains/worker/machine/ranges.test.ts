/** Which range comes next, and what is left of one. */
import { expect, test } from "vitest";
import {
  type DeliveryRange,
  isPicked,
  pickRange,
  type Redelivery,
  rangeAfter,
} from "../../../../src/drains/worker/machine/ranges.ts";
import type { DrainCheckpoint } from "../../../../src/registry/drain-checkpoint.ts";
import { liveAt, memoryAt, placeOf } from "./states.ts";

const { checkpoint } = memoryAt(20);
const asked = { id: "again", sinceMs: 5_000 };
const stretch = { ...placeOf(12), endLine: 16, counted: 3 };
const redelivery: Redelivery = { kind: "redelivery", ...stretch };
const replay: DeliveryRange = { kind: "replay", id: "again", ...placeOf(12), endLine: 20 };

test("what is unconfirmed comes first, then a replay, then live lines", () => {
  const unconfirmed = [stretch];
  expect(pickRange({ ...checkpoint, unconfirmed }, asked)).toEqual(redelivery);
  expect(pickRange(checkpoint, asked)).toMatchObject({ kind: "replay", id: "again" });
  expect(pickRange(checkpoint, undefined)).toEqual(liveAt(20));
});

test("a replay begins where its owner asked, goes on where it was, and is over once", () => {
  const picked = (replay?: DrainCheckpoint["replay"]) =>
    pickRange(replay ? { ...checkpoint, replay } : checkpoint, asked);
  const since = { kind: "since", timeMs: 5_000 };
  const { position } = placeOf(14);
  expect(picked()).toEqual({ kind: "replay", id: "again", from: since, endLine: 20 });
  expect(picked({ id: "one before", position })).toMatchObject({ from: since });
  expect(picked({ id: "again", position })).toMatchObject({ from: { kind: "after", position } });
  expect(picked({ id: "again" })).toEqual(liveAt(20));
});

test("another replay is another range", () => {
  const next = pickRange(checkpoint, asked);
  expect(isPicked(replay, next)).toBe(true);
  expect(isPicked({ ...replay, id: "before" }, next)).toBe(false);
  expect(isPicked(liveAt(20), next)).toBe(false);
  expect(isPicked(liveAt(20), pickRange(checkpoint, undefined))).toBe(true);
});

test("behind delivered lines, those that still count are no more than those that are left", () => {
  expect(rangeAfter(redelivery, placeOf(13), 1)).toEqual({ ...redelivery, ...placeOf(13), counted: 2 });
  expect(rangeAfter(redelivery, placeOf(14), 0)).toMatchObject({ counted: 2 });
  expect(rangeAfter(redelivery, placeOf(16), 4)).toMatchObject({ counted: 0 });
  expect(rangeAfter(liveAt(20), placeOf(25), 5)).toEqual(liveAt(25));
  expect(rangeAfter(replay, placeOf(15), 3)).toEqual({ ...replay, ...placeOf(15) });
});
