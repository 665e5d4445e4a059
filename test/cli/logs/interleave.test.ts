import fc from "fast-check";
import { expect, test } from "vitest";
import { interleave } from "../../../cli/logs/interleave.ts";

async function* reads(chunks: readonly (readonly string[])[], place: string) {
  for (const chunk of chunks) yield chunk.map((line) => ({ position: "", line }));
  return place;
}
const timeOf = (line: string) => Number(/^\d+/.exec(line)?.[0] ?? Number.NaN);

async function merged(histories: Record<string, readonly (readonly string[])[]>) {
  const sources = Object.entries(histories).map(([app, chunks]) => ({
    app,
    lines: reads(chunks, `end of ${app}`),
  }));
  const lines: string[] = [];
  const merge = interleave(sources, timeOf);
  let next = await merge.next();
  for (; !next.done; next = await merge.next()) lines.push(...next.value.map(({ line }) => line));
  return { lines, places: Object.fromEntries(next.value) };
}

test("the oldest line comes first, over reads of any size", async () => {
  const { lines, places } = await merged({
    a: [["1 a", "4 a"], ["5 a"]],
    b: [["2 b"], ["3 b", "6 b"]],
    c: [],
  });
  expect(lines).toEqual(["1 a", "2 b", "3 b", "4 a", "5 a", "6 b"]);
  expect(places).toEqual({ a: "end of a", b: "end of b", c: "end of c" });
});

test("a line without a time stays behind the one before it", async () => {
  const { lines } = await merged({ a: [["1 a", "-- a", "9 a"]], b: [["5 b"]] });
  expect(lines).toEqual(["1 a", "-- a", "5 b", "9 a"]);
});

test("each app's lines keep their order and none is lost, whatever their times say", async () => {
  const chunks = fc.array(fc.array(fc.nat(20), { maxLength: 4 }), { maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(chunks, chunks, async (a, b) => {
      const name = (app: string, all: number[][]) =>
        all.map((chunk, c) => chunk.map((time, i) => `${time} ${app}${c}.${i}`));
      const { lines } = await merged({ a: name("a", a), b: name("b", b) });
      expect(lines.filter((line) => line.includes("a"))).toEqual(name("a", a).flat());
      expect(lines.filter((line) => line.includes("b"))).toEqual(name("b", b).flat());
    }),
    { numRuns: 100 },
  );
});
