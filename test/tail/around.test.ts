import fc from "fast-check";
import { expect, test } from "vitest";
import { rangesAround } from "../../src/tail/around.ts";

test("ranges hold each found line with its neighbours, once, in order, and nothing else", () => {
  const numbers = fc.uniqueArray(fc.nat(200), { maxLength: 20 }).map((all) => all.sort((a, b) => a - b));
  fc.assert(
    fc.property(numbers, fc.nat(5), fc.nat(5), (found, before, after) => {
      const endLine = 201;
      const ranges = rangesAround(found, { before, after }, endLine);
      const shown = ranges.flatMap(({ start, end }) =>
        Array.from({ length: end - start }, (_, i) => start + i),
      );
      const isWanted = (line: number) =>
        found.some((number) => line >= number - before && line <= number + after);
      expect(shown).toEqual(Array.from({ length: endLine }, (_, line) => line).filter(isWanted));
      for (const [i, { start }] of ranges.entries())
        if (i > 0) expect(start).toBeGreaterThan(ranges[i - 1]!.end);
    }),
  );
});
