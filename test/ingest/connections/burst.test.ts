/** The reads of one connection among others. */
import { beforeEach, expect, test } from "vitest";
import { Burst } from "../../../src/ingest/connections/burst.ts";
import { readBytesMax } from "../../../src/sockets/socket-reads.ts";

let others: { isCrowded: boolean; isOver: boolean };
let waited: string[];
let burst: Burst;
beforeEach(() => {
  others = { isCrowded: false, isOver: false };
  waited = [];
  const next = async (address: string) => void waited.push(address);
  burst = new Burst(Object.assign(others, { next }), "10.0.0.1");
});

/** How many full reads it takes one after the other, of 64 at most. */
function reads(): number {
  let count = 0;
  while (count < 64 && burst.took(readBytesMax) === undefined) count++;
  return count;
}

test("alone it is read on until the time of the turn is over", () => {
  expect(reads()).toBe(64);
  others.isOver = true;
  expect(reads()).toBe(0);
  expect(waited).toEqual(["10.0.0.1"]);
});

test("with others it waits behind its first full read, and then brings a MiB", () => {
  others.isCrowded = true;
  expect(reads()).toBe(0);
  expect(reads()).toBe(15);
  expect(reads()).toBe(15);
});

test("with others it waits for its next turn when it has brought all, if that was a read or more", () => {
  others.isCrowded = true;
  expect(burst.took(100)).toBe(undefined);
  expect(burst.took(100)).toBe(undefined);
  expect(burst.took(readBytesMax)).toBeDefined();
  expect(burst.took(readBytesMax)).toBe(undefined);
  expect(burst.took(100)).toBeDefined();
  expect(burst.took(readBytesMax - 1)).toBe(undefined);
  expect(burst.took(readBytesMax)).toBeDefined(); // it was a sender of little, and has no turn
});
