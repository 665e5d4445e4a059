import { expect, test } from "vitest";
import type { Drain } from "../../web/src/api-types.ts";
import { lastMinuteOf, Samples } from "../../web/src/drains/samples.ts";

const startMs = Date.parse("2026-01-02T03:00:00Z");
const drain = (lag: number): Drain =>
  ({ id: "d", lag_lines: lag, rate: 2, delivered: 0, replayed: 0 }) as Drain;
const sample = (seconds: number, lag: number) => ({
  at: new Date(startMs + seconds * 1_000).toISOString(),
  lag_lines: lag,
  rate: 1,
});

test("what the server remembers stands before what the page saw itself, once, and the oldest give way", () => {
  const samples = new Samples(4);
  samples.add([drain(50)], startMs + 60_000);
  samples.remember("d", { samples: [sample(0, 10), sample(15, 20), sample(30, 30), sample(75, 99)] });
  samples.add([drain(60)], startMs + 62_000);
  expect(samples.of("d").map(({ lag }) => lag)).toEqual([20, 30, 50, 60]);
});

test("a drain that is gone is forgotten", () => {
  const samples = new Samples();
  samples.add([drain(1)], startMs);
  samples.add([], startMs + 1_000);
  expect(samples.of("d")).toEqual([]);
});

test("the rate is of what was counted: 8 a second in the last minute, whatever the server's fading rate says, and 0 in an outage", () => {
  const samples = new Samples();
  const sendsUntil = (seconds: number) => Math.min(seconds, 300) * 8;
  for (let s = 0; s <= 400; s += 2) {
    const counted = { delivered: sendsUntil(s) - 100, replayed: 100, rate: 19 };
    samples.add([{ ...drain(0), ...counted } as Drain], startMs + s * 1_000);
    const rate = lastMinuteOf(samples.of("d"));
    if (s < 6) expect(rate).toBeUndefined();
    else if (s > 10 && s <= 300) expect(rate).toBeCloseTo(8);
    else if (s >= 362) expect(rate).toBe(0);
  }
  const charted = (s: number) => samples.of("d").find(({ atMs }) => atMs === startMs + s * 1_000)!.rate;
  expect(charted(300)).toBeCloseTo(8);
  expect(charted(316)).toBe(0);
});

test("a drain that was made anew, whose counts begin at 0, has no rate of its own yet", () => {
  const samples = new Samples();
  samples.add([{ ...drain(0), delivered: 500 } as Drain], startMs);
  samples.add([{ ...drain(0), delivered: 20 } as Drain], startMs + 20_000);
  expect(lastMinuteOf(samples.of("d"))).toBeUndefined();
});
