/** The time by which lines grow old: at the pace of time, whatever the time of day does. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { AgeClock, believedMs, stepMsMax } from "../../src/engines/age-clock.ts";
import { FakeClock } from "../support/fake-clock.ts";

const steps = fc.array(
  fc.record({ passMs: fc.integer({ min: 1, max: 60_000 }), jumpMs: fc.integer({ min: -1e9, max: 1e9 }) }),
  { maxLength: 40 },
);

test("is never ahead of the time of day, and never runs ahead of time by more than small steps and what lasted", async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (moves) => {
      const clock = new FakeClock();
      const ages = new AgeClock(clock);
      const startMs = ages.nowMs();
      let passedMs = 0;
      let small = 0;
      for (const { passMs, jumpMs } of moves) {
        await clock.advance(passMs);
        passedMs += passMs;
        clock.jump(jumpMs);
        if (Math.abs(jumpMs) <= stepMsMax) small++;
        const nowMs = ages.nowMs();
        expect(nowMs).toBeLessThanOrEqual(clock.nowMs());
        // No run of moves here lasts long enough to be believed.
        if (passedMs < believedMs)
          expect(nowMs - startMs).toBeLessThanOrEqual(passedMs + moves.length * stepMsMax);
      }
      expect(small).toBeLessThanOrEqual(moves.length);
    }),
    { numRuns: 100 },
  );
});

test("believes a jump that lasted an hour without a break, in both directions", async () => {
  for (const jumpMs of [1e8, -1e8]) {
    const clock = new FakeClock();
    const ages = new AgeClock(clock);
    clock.jump(jumpMs);
    for (let minute = 0; minute < 30; minute++) {
      await clock.advance(60_000);
      ages.nowMs();
    }
    clock.jump(-jumpMs); // it was right for a moment
    ages.nowMs();
    clock.jump(jumpMs);
    const before = ages.timeMs;
    for (let minute = 0; minute < 59; minute++) {
      await clock.advance(60_000);
      ages.nowMs();
    }
    expect(ages.timeMs - before).toBe(59 * 60_000);
    await clock.advance(120_000);
    expect(ages.timeMs).toBe(clock.nowMs());
  }
});

test("goes on where the last start wrote it down", () => {
  const clock = new FakeClock();
  const kept = clock.nowMs() - 3 * 86_400_000;
  expect(new AgeClock(clock, kept).nowMs()).toBe(kept);
  expect(new AgeClock(clock, clock.nowMs() + 86_400_000).nowMs()).toBe(clock.nowMs());
});

test("corrects the time of acceptance of lines that came while the time of day was behind, and of no others", () => {
  const clock = new FakeClock();
  const ages = new AgeClock(clock);
  expect(ages.accepted(123)).toBe(123);
  const rightMs = clock.nowMs();
  clock.jump(-2 * 86_400_000);
  expect(ages.accepted(clock.nowMs())).toBe(rightMs);
  clock.jump(4 * 86_400_000);
  expect(ages.accepted(clock.nowMs())).toBe(clock.nowMs());
});
