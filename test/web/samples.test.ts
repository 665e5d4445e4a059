import { expect, test } from "vitest";
import type { Drain } from "../../web/src/api-types.ts";
import { Samples } from "../../web/src/drains/samples.ts";

const startMs = Date.parse("2026-01-02T03:00:00Z");
const drain = (lag: number): Drain => ({ id: "d", lag_lines: lag, rate: 2 }) as Drain;
const told = (seconds: number, lag: number) => ({
  at: new Date(startMs + seconds * 1_000).toISOString(),
  lag_lines: lag,
  rate: 1,
});

test("what the server remembers stands before what the page saw itself, once, and the oldest give way", () => {
  const samples = new Samples(4);
  samples.add([drain(50)], startMs + 60_000);
  samples.remember("d", { samples: [told(0, 10), told(15, 20), told(30, 30), told(75, 99)] });
  samples.add([drain(60)], startMs + 62_000);
  expect(samples.of("d").map(({ lag }) => lag)).toEqual([20, 30, 50, 60]);
});

test("a drain that is gone is forgotten", () => {
  const samples = new Samples();
  samples.add([drain(1)], startMs);
  samples.add([], startMs + 1_000);
  expect(samples.of("d")).toEqual([]);
});
