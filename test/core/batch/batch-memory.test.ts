import { expect, test } from "vitest";
import { BatchMemory } from "../../../src/core/batch/batch-memory.ts";

function world() {
  const home: string[] = [];
  const memory = new BatchMemory({ takeBack: (name: string) => home.push(name) }, "memory", 10);
  return { home, memory };
}

test("memory goes home once, with the last hold", () => {
  const { home, memory } = world();
  memory.hold();
  memory.hold();
  memory.release();
  memory.release();
  expect(home).toEqual([]);
  memory.release();
  expect(home).toEqual(["memory"]);
});

test("a hold or a release of memory that was taken back is a fault of the program", () => {
  const { home, memory } = world();
  memory.release();
  expect(() => memory.hold()).toThrow("taken back");
  expect(() => memory.release()).toThrow("more often than it was held");
  expect(home).toHaveLength(1);
});
