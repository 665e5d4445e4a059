import fc from "fast-check";
import { expect, test } from "vitest";
import type { PlacedLine } from "../../../cli/logs/interleave.ts";
import { lineTest } from "../../../cli/logs/line-test.ts";
import { gapAt, Neighbours } from "../../../cli/logs/neighbours.ts";

type Reads = AsyncGenerator<readonly PlacedLine[], string>;
const lineAt = (isHit: boolean, i: number): PlacedLine => ({
  position: `1.${i}`,
  line: JSON.stringify({ message: `${isHit ? "hit" : "line"} ${i}`, source: "app", dyno: "web.1" }),
});
async function* reads(lines: readonly PlacedLine[], sizes: readonly number[]): Reads {
  let from = 0;
  for (let n = 0; from < lines.length; n++) {
    const size = sizes[n % sizes.length]!;
    yield lines.slice(from, from + size);
    from += size;
  }
  return "the end";
}
async function shown(lines: Reads): Promise<string[]> {
  const texts: string[] = [];
  for (;;) {
    const { done, value } = await lines.next();
    if (done) {
      expect(value).toBe("the end");
      return texts;
    }
    texts.push(...value.map(({ line, isGap }) => (isGap ? "--" : JSON.parse(line).message)));
  }
}
const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 });
const hits = fc.array(
  fc.integer({ min: 0, max: 4 }).map((n) => n === 0),
  { maxLength: 60 },
);

test("lines are shown with their neighbours, as grep shows them, over reads of any size", async () => {
  await fc.assert(
    fc.asyncProperty(hits, sizes, fc.nat(4), fc.nat(4), async (all, chunks, before, after) => {
      const lines = all.map(lineAt);
      const neighbours = new Neighbours(lineTest({ match: "^hit" }), { before, after });
      const isShown = (i: number) => all.some((isHit, at) => isHit && i >= at - before && i <= at + after);
      const want: string[] = [];
      let last: number | undefined;
      for (const [i, isHit] of all.entries()) {
        if (!isShown(i)) continue;
        if (last !== undefined && i > last + 1) want.push("--");
        want.push(`${isHit ? "hit" : "line"} ${i}`);
        last = i;
      }
      expect(await shown(neighbours.from(reads(lines, chunks)))).toEqual(want);
    }),
  );
});

test("neighbours that are due behind a history come with the live lines", async () => {
  const neighbours = new Neighbours(lineTest({ match: "^hit" }), { before: 1, after: 2 });
  const history = [lineAt(false, 1), gapAt("1.2"), lineAt(true, 3), lineAt(false, 4)];
  expect(await shown(neighbours.chosen(reads(history, [2])))).toEqual(["line 1", "--", "hit 3", "line 4"]);
  const live = [5, 6, 7, 8].map((i) => lineAt(i === 8, i));
  expect(await shown(neighbours.from(reads(live, [1])))).toEqual(["line 5", "--", "line 7", "hit 8"]);
});
