import { expect, test } from "vitest";
import { type Rate, rateAfter, rateAt } from "../../../src/core/records/rate.ts";

test("steady lines are shown at their rate after a few minutes, however they are batched", () => {
  for (const everyMs of [100, 1_000, 5_000]) {
    let rate: Rate | undefined;
    for (let atMs = 0; atMs <= 300_000; atMs += everyMs) rate = rateAfter(rate, everyMs / 10, atMs);
    expect(rateAt(rate, 300_000)).toBeGreaterThan(95);
    expect(rateAt(rate, 300_000)).toBeLessThan(105);
  }
});

test("it fades to 0 within a minute in which nothing passes, is 0 before anything did, and a clock that went back does not raise it", () => {
  expect(rateAt(undefined, 5)).toBe(0);
  const rate = rateAfter(undefined, 600, 1_000_000);
  expect(rateAt(rate, 1_000_000)).toBe(10);
  expect(rateAt(rate, 1_015_000)).toBe(7.5);
  expect(rateAt(rate, 1_060_000)).toBe(0);
  expect(rateAt(rate, 1_600_000)).toBe(0);
  expect(rateAt(rate, 0)).toBe(10);
});
