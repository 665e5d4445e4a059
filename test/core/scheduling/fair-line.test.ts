import { expect, test } from "vitest";
import { FairLine } from "../../../src/core/scheduling/fair-line.ts";

const lineOf = (...names: readonly string[]) => {
  const line = new FairLine<string>();
  for (const name of names) line.push(name[0]!, name);
  return line;
};

const all = (take: () => string | undefined): string[] => {
  const taken: string[] = [];
  for (let next = take(); next !== undefined; next = take()) taken.push(next);
  return taken;
};

test("groups take turns", () => {
  const line = lineOf("a1", "a2", "a3", "b1", "c1", "b2");
  expect(all(() => line.shift())).toEqual(["a1", "b1", "c1", "a2", "b2", "a3"]);
  expect(line.length).toBe(0);
});
