import { expect, test } from "vitest";
import { Semaphore } from "../../../src/core/scheduling/semaphore.ts";

/** Work that is begun at once, and ends when it is told to. */
function worker(semaphore: Semaphore) {
  const begun: string[] = [];
  const ends = new Map<string, (fault?: Error) => void>();
  const begin = (name: string, group?: string) =>
    semaphore.run(() => {
      begun.push(name);
      return new Promise<void>((resolve, reject) =>
        ends.set(name, (fault) => (fault === undefined ? resolve() : reject(fault))),
      );
    }, group);
  const end = async (name: string, fault?: Error) => {
    ends.get(name)!(fault);
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { begun, begin, end };
}

test("groups take turns, and within one the first is the first", async () => {
  const { begun, begin, end } = worker(new Semaphore(1));
  for (const [name, group] of [
    ["a1", "a"],
    ["a2", "a"],
    ["a3", "a"],
    ["b1", "b"],
  ] as const)
    void begin(name, group);
  expect(begun).toEqual(["a1"]);
  await end("a1");
  expect(begun).toEqual(["a1", "a2"]);
  await end("a2");
  expect(begun).toEqual(["a1", "a2", "b1"]);
  await end("b1");
  expect(begun).toEqual(["a1", "a2", "b1", "a3"]);
});

test("no more run than it lets, and work that fails makes room", async () => {
  const { begun, begin, end } = worker(new Semaphore(2));
  const first = begin("1");
  for (const name of ["2", "3", "4"]) void begin(name);
  expect(begun).toEqual(["1", "2"]);
  const failed = expect(first).rejects.toThrow("no");
  await end("1", new Error("no"));
  await failed;
  expect(begun).toEqual(["1", "2", "3"]);
  await end("3");
  expect(begun).toEqual(["1", "2", "3", "4"]);
});
