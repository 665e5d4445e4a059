import { expect, test } from "vitest";
import { Readings } from "../../web/src/node/readings.ts";

const startMs = Date.parse("2026-01-02T03:00:00Z");
const reading = (seconds: number, accepted: number, startS = 1) => ({
  atMs: startMs + seconds * 1_000,
  figures: new Map([
    ["tailrace_accepted_lines_total", accepted],
    ["process_start_time_seconds", startS],
  ]),
});

test("the paces between readings are kept, and the oldest give way", () => {
  const readings = new Readings(2);
  for (const seconds of [0, 3, 6, 9]) readings.add(reading(seconds, seconds * seconds));
  const { paces } = readings.add(reading(12, 144));
  expect(paces.map(({ accepted }) => accepted)).toEqual([15, 21]);
});

test("a node that began anew, though it counts more than before, has no pace over its start", () => {
  const readings = new Readings();
  readings.add(reading(0, 10));
  expect(readings.add(reading(3, 90_000, 2)).paces).toEqual([]);
  expect(readings.add(reading(6, 90_030, 2)).paces.map(({ accepted }) => accepted)).toEqual([10]);
});

test("two readings that are far apart have no pace: what was between them nobody saw", () => {
  const readings = new Readings();
  readings.add(reading(0, 0));
  expect(readings.add(reading(60, 600)).paces).toEqual([]);
  expect(readings.add(reading(63, 630)).paces).toHaveLength(1);
});
