import { expect, test } from "vitest";
import { shared } from "../../src/registry/shared.ts";

/** Work that ends when the test says so. */
function work() {
  const ends: ((value: number | Error) => void)[] = [];
  const make = shared(
    () =>
      new Promise<number>((resolve, reject) => {
        ends.push((value) => (typeof value === "number" ? resolve(value) : reject(value)));
      }),
  );
  return { ends, make };
}
const turn = () => new Promise((resolve) => setImmediate(resolve));

test("it is done once at a time, and those who ask meanwhile share the next time", async () => {
  const { ends, make } = work();
  const first = make();
  const later = [make(), make(), make()];
  expect(ends).toHaveLength(1);
  ends[0]!(1);
  expect(await first).toBe(1);
  await turn();
  expect(ends).toHaveLength(2);
  const latest = make();
  ends[1]!(2);
  expect(await Promise.all(later)).toEqual([2, 2, 2]);
  await turn();
  ends[2]!(3);
  expect(await latest).toBe(3);
  await turn();
  void make();
  expect(ends).toHaveLength(4);
});

test("a failure is told to those who share it, and the next time is another one", async () => {
  const { ends, make } = work();
  const first = make();
  const later = make();
  ends[0]!(new Error("it failed"));
  await expect(first).rejects.toThrow("it failed");
  await turn();
  ends[1]!(2);
  expect(await later).toBe(2);
});
