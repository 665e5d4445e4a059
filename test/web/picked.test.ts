import { expect, test } from "vitest";
import type { BinExtent } from "../../src/core/time/histogram.ts";
import { lineOf } from "../../web/src/log/line.ts";
import { LineRing } from "../../web/src/log/line-ring.ts";
import { type CountedBin, LogCounts } from "../../web/src/log/log-counts.ts";
import { pickedOf } from "../../web/src/log/picked.ts";

const minuteMs = 60_000;
const startMs = Date.parse("2026-01-02T03:00:00Z");

const binOf = (minute: number, lines: number, extent?: [number, number]): CountedBin => ({
  startMs: startMs + minute * minuteMs,
  counts: { error: 0, warn: 0, info: lines, debug: 0 },
  ...(extent && {
    extent: { position: `${extent[0]}.0` as BinExtent["position"], firstLine: extent[0], endLine: extent[1] },
  }),
});
const bins = [binOf(0, 5, [0, 5]), binOf(1, 0), binOf(2, 7, [5, 13]), binOf(3, 2, [12, 14]), binOf(4, 1)];
const pick = (from: number, to: number) =>
  pickedOf(bins, minuteMs, startMs + from * minuteMs, startMs + to * minuteMs);

test("a stretch is whole steps, and leads to the place of its first line and the number behind its last", () => {
  expect(pick(1.5, 3.2)).toEqual({
    fromMs: startMs + minuteMs,
    toMs: startMs + 4 * minuteMs,
    lines: 9,
    from: { kind: "place", position: "5.0" },
    endLine: 14,
  });
});

test("the end of lines that came since the server counted is not known, and without any place the time leads to them", () => {
  expect(pick(3, 5)).toMatchObject({ from: { kind: "place", position: "12.0" }, endLine: undefined });
  expect(pick(4, 5)).toMatchObject({
    from: { kind: "time", timeMs: startMs + 4 * minuteMs },
    endLine: undefined,
  });
  expect(pick(7, 9)).toBeUndefined();
});

test("what the server counted and what came since are one histogram, each line once", () => {
  const counts = new LogCounts(() => startMs);
  const ring = new LineRing({ linesMax: 100, bytesMax: 1e6 });
  const line = (number: number, minute: number) =>
    lineOf({
      position: `0.${number}`,
      line: number,
      time: new Date(startMs + minute * minuteMs).toISOString(),
      source: "app",
      dyno: "web.1",
      severity: number % 2 ? "err" : "info",
      message: "x",
    });
  const sums = () => counts.bins().bins.reduce((sum, { counts: of }) => sum + of.error + of.info, 0);
  for (let n = 0; n < 10; n++) {
    ring.pushNewer([line(n, n)]);
    counts.add(line(n, n));
  }
  counts.add(line(3, 3)); // read once more, after a jump
  expect(sums()).toBe(10);
  expect(counts.hasHistogram).toBe(false);
  const bin = { at: new Date(startMs).toISOString(), error: 4, warn: 0, info: 4, debug: 0 };
  counts.tell(
    {
      step_seconds: 600,
      bins: [{ ...bin, position: "0.0", first_line: 0, end_line: 8 }],
      first_line: 0,
      end_line: 8,
      dynos: [],
      complete: true,
    },
    undefined,
    ring,
  );
  expect(sums()).toBe(10); // eight that were told, and two of the ring
  counts.add(line(10, 11));
  counts.add(line(2, 2));
  expect(sums()).toBe(11);
  expect(counts.bins().stepMs).toBe(600_000);
});
