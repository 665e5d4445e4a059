/** Lines that take more memory than their body: who waits, who is refused, and that all is given back. */
import { expect, test } from "vitest";
import { overloaded } from "../../../src/errors/store.ts";
import { BodyBudget } from "../../../src/ingest/bodies/body-budget.ts";
import { MemoryBudget } from "../../../src/ingest/queues/memory-budget.ts";

const share = 1_000_000;
const memoryMax = 3_000_000;

function rig() {
  const memory = new MemoryBudget(memoryMax);
  const bodies = new BodyBudget(memory, { appBodyBytesMax: share, addressBodyBytesMax: 2 * share });
  const reserve = (app = "a") => bodies.reserve({ app, address: "here" });
  return { memory, reserve };
}

test("a little more than the body counts in the shares, and is refused beyond them", () => {
  const { memory, reserve } = rig();
  const one = reserve();
  one.take(900_000);
  expect(one.holdLines(100_000, 900_000)).toBeUndefined();
  expect(one.holdLines(100_000, 900_000)).toBeUndefined(); // the same lines
  expect(memory.bytes).toBe(1_000_000);
  expect(() => one.holdLines(100_001, 900_000)).toThrow(expect.objectContaining({ code: "BODIES_FULL" }));
  one.release();
  expect(memory.bytes).toBe(0);
});

test("what is far more is in no share; the next body waits, and apps take turns", async () => {
  const { memory, reserve } = rig();
  const [one, two, three, other] = [reserve(), reserve(), reserve(), reserve("b")];
  expect(one.holdLines(1_500_000, 10)).toBeUndefined();
  expect(memory.bytes).toBe(1_500_000);
  const order: string[] = [];
  const wait = (name: string, of: typeof one) => of.holdLines(400_000, 10)!.then(() => order.push(name));
  const waiting = [wait("two", two), wait("three", three), wait("other", other)];
  expect(one.holdLines(1_600_000, 10)).toBeUndefined();
  expect(memory.bytes).toBe(1_600_000);
  for (const each of [one, two, other, three]) {
    each.release();
    await new Promise(setImmediate);
  }
  await Promise.all(waiting);
  expect(order).toEqual(["two", "other", "three"]);
  expect(memory.bytes).toBe(0);
  expect(one.holdLines(400_000, 10)).toBeUndefined(); // the place is free again
});

test("where no memory is left it is refused, and a body that waits gives way", async () => {
  const { memory, reserve } = rig();
  const [one, two] = [reserve(), reserve()];
  one.holdLines(2_000_000, 10);
  two.take(500_000);
  const evicted = two.holdLines(400_000, 10)!;
  expect(() => one.holdLines(memoryMax + 1, 10)).toThrow(
    expect.objectContaining({ code: overloaded().code }),
  );
  await expect(evicted).rejects.toMatchObject({ code: overloaded().code });
  expect(memory.bytes).toBe(2_000_000);
  one.release();
  expect(memory.bytes).toBe(0);
  expect(reserve().holdLines(400_000, 10)).toBeUndefined(); // nobody waits for the place
});
