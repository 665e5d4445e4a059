import { setTimeout as sleep } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import type { StoredBatch } from "../../../src/core/batch/batch.ts";
import { LargeBatches } from "../../../src/engines/journal/large-batches.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

const batchOfLine = (line: number) => ({ line, count: 1 }) as StoredBatch;

test("who reads what somebody reads or holds gets the same; what nobody holds is read again", async () => {
  const large = new LargeBatches();
  let reads = 0;
  const read = (line: number) => async () => {
    reads++;
    await sleep(1);
    return [batchOfLine(line)];
  };
  const [first, second, other] = await Promise.all([
    large.at("1 0", read(0)),
    large.at("1 0", read(0)),
    large.at("1 9", read(1)),
  ]);
  expect(reads).toBe(2);
  expect(second[0]).toBe(first[0]);
  expect(other[0]).not.toBe(first[0]);
  const held = (await large.at("1 0", read(0)))[0];
  expect(reads).toBe(2);
  expect(held).toBe(first[0]);
  for (const found of [first, second, other]) (found as StoredBatch[]).length = 0;
  await sleep(1);
  collect();
  await large.at("1 9", read(1));
  expect(reads).toBe(3);
  expect((await large.at("1 0", read(0)))[0]).toBe(held);
  expect(reads).toBe(3);
});

test("a read that fails, or finds nothing, is for those who waited for it", async () => {
  const large = new LargeBatches();
  const failing = () => large.at("1 0", () => Promise.reject(new Error("no disk")));
  await expect(Promise.all([failing(), failing()])).rejects.toThrow("no disk");
  expect(await large.at("1 0", async () => "gone")).toBe("gone");
  expect(await large.at("1 0", async () => [])).toEqual([]);
  expect(await large.at("1 0", async () => [batchOfLine(7)])).toEqual([batchOfLine(7)]);
});
