/** What is rare, by the times at which it happened. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { Rarity } from "../../../src/core/scheduling/rarity.ts";

test("it is rare as long as it happened fewer times than the bound within the time", () => {
  const steps = fc.array(fc.nat({ max: 12 }), { maxLength: 60 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 6 }), fc.nat({ max: 20 }), steps, (count, withinMs, waits) => {
      const rarity = new Rarity(count, withinMs);
      const happened: number[] = [];
      let nowMs = 0;
      for (const waitMs of waits) {
        nowMs += waitMs;
        const lately = happened.filter((ms) => nowMs - ms <= withinMs).length;
        expect(rarity.isRare(nowMs)).toBe(lately < count);
        rarity.happened(nowMs);
        happened.push(nowMs);
      }
    }),
  );
});
