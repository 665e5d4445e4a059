/** A stretch of the log without a hole, whatever is added at which end. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Line } from "../../web/src/log/line.ts";
import { LineRing, type RingEntry } from "../../web/src/log/line-ring.ts";
import { placeBefore } from "../../web/src/log/place-before.ts";

const line = (number: number, chars = 10): Line => ({
  key: `0.${number + 1}`,
  position: `0.${number + 1}`,
  number,
  timeMs: number,
  source: "app",
  dyno: "web.1",
  level: "info",
  message: "x".repeat(chars),
  isNotice: false,
  isTrace: false,
  opens: "none",
});
const lines = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => line(from + n));
const all = (ring: LineRing): RingEntry[] => Array.from({ length: ring.count }, (_, n) => ring.at(n)!);
const numbers = (ring: LineRing) => all(ring).map((entry) => (entry as Line).number!);

test("whatever is added at its ends, it has no hole and keeps its bounds", () => {
  const step = fc.record({ newer: fc.boolean(), count: fc.integer({ min: 0, max: 40 }) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const ring = new LineRing({ linesMax: 50, bytesMax: 1e9 });
      ring.pushNewer(lines(1_000, 1_010));
      for (const { newer, count } of steps) {
        const [first, last] = [ring.first()!.number!, ring.last()!.number!];
        if (newer) ring.pushNewer(lines(last + 1, last + 1 + count));
        else ring.pushOlder(lines(first - count, first));
        const held = numbers(ring);
        expect(held).toEqual(held.map((_, n) => held[0]! + n));
        expect(held.length).toBeLessThanOrEqual(50);
        expect(newer && count > 0 ? held.at(-1) : held[0]).toBe(newer && count > 0 ? last + count : held[0]);
      }
    }),
  );
});

describe("bounds", () => {
  test("the oldest give way to newer ones, the newest to older ones, which is remembered", () => {
    const ring = new LineRing({ linesMax: 100, bytesMax: 1e9 });
    expect(ring.pushNewer(lines(100, 250))).toBe(50);
    expect([ring.first()!.number, ring.last()!.number, ring.isCutNewer]).toEqual([150, 249, false]);
    expect(ring.pushOlder(lines(130, 150))).toBe(20);
    expect([ring.first()!.number, ring.last()!.number, ring.isCutNewer]).toEqual([130, 229, true]);
  });

  test("memory counts too, and one line always stays", () => {
    const ring = new LineRing({ linesMax: 1_000, bytesMax: 10_000 });
    ring.pushNewer(Array.from({ length: 20 }, (_, n) => line(n, 500)));
    expect(ring.bytes).toBeLessThanOrEqual(10_000);
    ring.pushNewer([line(20, 50_000)]);
    expect(numbers(ring)).toEqual([20]);
  });
});

test("the place before a line is one line back", () => {
  expect(placeBefore("12.5.abcd.xy")).toBe("12.4.abcd.xy");
  expect(placeBefore("12.1.abcd.xy")).toBe("12.0.abcd.xy");
});
