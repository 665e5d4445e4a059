import { expect, test } from "vitest";
import { Stalls } from "../../src/tail/stalls.ts";

/** A stream that notes that it was cut. */
const stream = (stalls: Stalls, cuts: string[], name: string) => {
  const self = {
    cut() {
      cuts.push(name);
      stalls.end(self);
    },
  };
  return self;
};

test("beyond the bound the one that stalls longest is cut, and as many as have to be", () => {
  let cutCount = 0;
  const stalls = new Stalls(100, () => cutCount++);
  const cuts: string[] = [];
  const [a, b, c] = ["a", "b", "c"].map((name) => stream(stalls, cuts, name));
  stalls.begin(a!, new Uint8Array(40));
  stalls.begin(b!, new Uint8Array(40));
  expect(cuts).toEqual([]);
  stalls.end(a!);
  stalls.begin(a!, new Uint8Array(40)); // it took something, and stalls anew
  stalls.begin(c!, new Uint8Array(90));
  expect(cuts).toEqual(["b", "a"]);
  expect(cutCount).toBe(2);
});

test("all that one holds counts, and memory that two of its parts share once", () => {
  const stalls = new Stalls(100, () => {});
  const cuts: string[] = [];
  const [a, b, c] = ["a", "b", "c"].map((name) => stream(stalls, cuts, name));
  const memory = new Uint8Array(60);
  stalls.begin(a!, memory.subarray(30), memory);
  stalls.begin(b!, new Uint8Array(10), new Uint8Array(30));
  expect(cuts).toEqual([]);
  stalls.begin(c!, new Uint8Array(1));
  expect(cuts).toEqual(["a"]);
  stalls.end(b!);
  stalls.begin(a!, new Uint8Array(50), new Uint8Array(49));
  expect(cuts).toEqual(["a"]);
});

test("a part that many hold counts once, and until the last of them took it", () => {
  const stalls = new Stalls(100, () => {});
  const cuts: string[] = [];
  const shared = new Uint8Array(80);
  const readers = Array.from({ length: 1_000 }, (_, n) => stream(stalls, cuts, String(n)));
  for (const reader of readers) stalls.begin(reader, shared.subarray(10));
  expect(cuts).toEqual([]);
  for (const reader of readers.slice(1)) stalls.end(reader);
  stalls.begin(readers[1]!, new Uint8Array(30));
  expect(cuts).toEqual(["0"]);
});
