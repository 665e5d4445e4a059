/** What a break brings back: the deliveries of the last second and of the second before. */
import { expect, test } from "vitest";
import {
  nothingRecent,
  type Recent,
  unconfirmedOf,
  union,
  withDelivered,
} from "../../../../src/drains/worker/machine/unconfirmed.ts";
import type { Stretch } from "../../../../src/registry/drain-checkpoint.ts";
import { placeOf } from "./states.ts";

const stretch = (line: number, endLine: number, counted = endLine - line): Stretch => ({
  ...placeOf(line),
  endLine,
  counted,
});
/** A line at each of these times. */
const delivered = (...timesMs: readonly number[]): Recent =>
  timesMs.reduce((recent, atMs, line) => withDelivered(recent, stretch(line, line + 1), atMs), nothingRecent);
const linesOf = (recent: Recent) => unconfirmedOf(recent).map(({ line, endLine }) => [line, endLine]);

test("it is the newest span of a second and the one before", () => {
  expect(linesOf(nothingRecent)).toEqual([]);
  expect(linesOf(delivered(0, 500, 1_000))).toEqual([[0, 3]]);
  expect(linesOf(delivered(0, 500, 1_000, 1_001))).toEqual([[0, 4]]);
  expect(linesOf(delivered(0, 600, 1_200, 1_800, 2_400))).toEqual([[2, 5]]);
  expect(linesOf(delivered(0, 1_000, 1_500, 2_100))).toEqual([[0, 4]]);
});

test("what was delivered more than a second before the newest span is sure", () => {
  expect(linesOf(delivered(0, 900, 1_900))).toEqual([[0, 3]]);
  expect(linesOf(delivered(0, 900, 1_901))).toEqual([[2, 3]]);
});

test("stretches that overlap or touch are one, and lines that are in both count once", () => {
  expect(union([stretch(5, 10)], [stretch(0, 5)])).toEqual([stretch(0, 10)]);
  expect(union([stretch(0, 10)], [stretch(5, 15)])).toEqual([stretch(0, 15)]);
  expect(union([stretch(0, 10)], [stretch(2, 4)])).toEqual([stretch(0, 10)]);
  expect(union([stretch(0, 5)], [stretch(6, 9)])).toEqual([stretch(0, 5), stretch(6, 9)]);
});

test("lines of a replay, which count in no stretch, stay apart from those that do", () => {
  expect(union([stretch(0, 5, 0)], [stretch(5, 9)])).toEqual([stretch(0, 5, 0), stretch(5, 9)]);
  expect(union([stretch(0, 5)], [stretch(5, 9, 0)])).toEqual([stretch(0, 5), stretch(5, 9, 0)]);
  expect(union([stretch(0, 5, 0)], [stretch(5, 9, 0)])).toEqual([stretch(0, 9, 0)]);
  expect(union([stretch(0, 10, 0)], [stretch(2, 6)])).toEqual([stretch(0, 2, 0), stretch(2, 10, 4)]);
  expect(union([stretch(0, 10, 0)], [stretch(0, 6)])).toEqual([stretch(0, 10, 6)]);
  const replayed = withDelivered(withDelivered(nothingRecent, stretch(0, 5, 0), 0), stretch(5, 9), 10);
  expect(unconfirmedOf(replayed)).toEqual([stretch(0, 5, 0), stretch(5, 9)]);
});

test("of more than four the two that lie closest become one, with the lines between, which do not count", () => {
  const apart = [stretch(0, 1), stretch(10, 11), stretch(20, 21), stretch(23, 24), stretch(40, 41)];
  const [first, second, , , last] = apart;
  expect(union(apart, [])).toEqual([first, second, stretch(20, 24, 2), last]);
});
