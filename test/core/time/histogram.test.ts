import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Position } from "../../../src/core/position.ts";
import { Histogram } from "../../../src/core/time/histogram.ts";

const dayMs = 86_400_000;
const extentOf = (line: number) => ({
  position: `${line}.0` as Position,
  firstLine: line,
  endLine: line + 1,
});

describe("the histogram", () => {
  test("keeps every line in at most as many steps as it may, however long the span", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 40 * dayMs }), { minLength: 1, maxLength: 200 }),
        (times) => {
          const histogram = new Histogram({ binsMax: 60 });
          for (const timeMs of times) histogram.add(timeMs, "info");
          const bins = histogram.bins();
          expect(bins.length).toBeLessThanOrEqual(61);
          expect(bins.reduce((sum, { counts }) => sum + counts.info, 0)).toBe(times.length);
          for (const [n, bin] of bins.entries())
            expect(bin.startMs).toBe(bins[0]!.startMs + n * histogram.stepMs);
        },
      ),
    );
  });

  test("leads from each bin to all of its lines, in whatever order they came", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 40 * dayMs }), { minLength: 1 }), (times) => {
        const histogram = new Histogram({ binsMax: 60 });
        for (const [line, timeMs] of times.entries()) histogram.add(timeMs, "info", 1, extentOf(line));
        for (const { startMs, counts, extent } of histogram.bins()) {
          if (counts.info === 0) continue;
          const lines = [...times.entries()].filter(
            ([, ms]) => ms >= startMs && ms < startMs + histogram.stepMs,
          );
          expect(extent).toEqual({ ...extentOf(lines[0]![0]), endLine: lines.at(-1)![0] + 1 });
        }
      }),
    );
  });

  test("of a span has its steps from the first line on, and forgets what is older", () => {
    const histogram = new Histogram({ binsMax: 61, spanMs: 3_600_000 });
    for (let at = 0; at < 3; at++) histogram.add(at * 3_600_000, "warn");
    expect(histogram.stepMs).toBe(60_000);
    expect(histogram.bins().length).toBeLessThanOrEqual(61);
    expect(histogram.bins()[0]!.startMs).toBe(3_600_000);
  });

  test("forgets bins whose lines are all gone, and no others", () => {
    const histogram = new Histogram();
    for (let line = 0; line < 4; line++) histogram.add(line * 1_000, "error", 1, extentOf(line));
    histogram.dropBefore(2);
    expect(histogram.bins().map(({ startMs }) => startMs)).toEqual([2_000, 3_000]);
  });

  test("leaves out lines without a time", () => {
    const histogram = new Histogram();
    histogram.add(Number.NaN, "info");
    expect(histogram.bins()).toEqual([]);
  });
});
