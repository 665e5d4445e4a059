/** What charts draw where nothing is known. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { heldOver, lonePlaces, withGaps } from "../../web/src/parts/gaps.ts";

const values = fc.array(fc.option(fc.nat(9)), { maxLength: 20 });

test("samples that are far apart have a moment of nothing between them, in every series", () => {
  const series = withGaps(
    [0, 10, 50, 60, 200],
    [{ values: [1, 2, 3, 4, 5] }, { values: [1, null, 3, 4, 5] }],
    15,
  );
  expect(series.timesMs).toEqual([0, 10, 11, 50, 60, 61, 200]);
  expect(series.series.map(({ values }) => values)).toEqual([
    [1, 2, null, 3, 4, null, 5],
    [1, null, null, 3, 4, null, 5],
  ]);
});

test("without gaps, or where nobody says what one is, samples stay what they were", () => {
  const timesMs = [0, 10, 500];
  const series = [{ values: [1, 2, 3] }];
  expect(withGaps(timesMs, series, undefined)).toEqual({ timesMs, series });
  expect(withGaps(timesMs, series, 490).series).toBe(series);
  expect(withGaps([], [], 1)).toEqual({ timesMs: [], series: [] });
});

test("however samples lie, none is lost, and no two that are far apart are neighbours", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 2, max: 100 })), (steps) => {
      const timesMs = steps.map((_, n) => steps.slice(0, n + 1).reduce((sum, step) => sum + step, 0));
      const series = withGaps(timesMs, [{ values: timesMs }], 50);
      expect(series.series[0]!.values.filter((value) => value !== null)).toEqual(timesMs);
      expect(series.timesMs).toEqual(series.timesMs.toSorted((a, b) => a - b));
      for (const [n, timeMs] of series.timesMs.entries())
        if (n > 0 && timeMs - series.timesMs[n - 1]! > 50) expect(series.series[0]!.values[n - 1]).toBeNull();
    }),
  );
});

test("a point is alone when there is nothing on either side of it", () => {
  expect(lonePlaces([1, null, 2, 3, null, null, 4])).toEqual([0, 6]);
  expect(lonePlaces([5])).toEqual([0]);
  fc.assert(
    fc.property(values, (all) => {
      const alone = new Set(lonePlaces(all));
      for (const [n, value] of all.entries()) {
        const hasNeighbour = all[n - 1] != null || all[n + 1] != null;
        expect(alone.has(n)).toBe(value !== null && !hasNeighbour);
      }
    }),
  );
});

test("a value is held for so many places, and no longer", () => {
  expect(heldOver([null, 1, null, null, null, 2, null], 2)).toEqual([null, 1, 1, 1, null, 2, 2]);
  expect(heldOver([1, null], 0)).toEqual([1, null]);
});
