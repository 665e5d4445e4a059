/** The reads of one connection among others. */
import { beforeEach, expect, test } from "vitest";
import { Burst } from "../../../src/ingest/connections/burst.ts";
import { readBytesMax } from "../../../src/sockets/socket-reads.ts";

let others: { isCrowded: boolean; isOver: boolean };
let burst: Burst;
beforeEach(() => {
  others = { isCrowded: false, isOver: false };
  burst = new Burst(others);
});

/** How many full reads it takes one after the other, of 64 at most. */
function reads(): number {
  let count = 0;
  while (count < 64 && !burst.took(readBytesMax)) count++;
  return count;
}

test("alone it is read on until the time of the turn is over", () => {
  expect(reads()).toBe(64);
  others.isOver = true;
  expect(reads()).toBe(0);
});

test("with others it waits behind its first full read, and then brings a MiB", () => {
  others.isCrowded = true;
  expect(reads()).toBe(0);
  expect(reads()).toBe(15);
  expect(reads()).toBe(15);
});

test("with others it waits for its next turn when it has brought all, if that was a read or more", () => {
  others.isCrowded = true;
  expect(burst.took(100)).toBe(false);
  expect(burst.took(100)).toBe(false);
  expect(burst.took(readBytesMax)).toBe(true);
  expect(burst.took(readBytesMax)).toBe(false);
  expect(burst.took(100)).toBe(true);
  expect(burst.took(readBytesMax - 1)).toBe(false);
  expect(burst.took(readBytesMax)).toBe(true); // it was a sender of little, and has no turn
});

test("one that rests is read on in its next turn, and brings a MiB of it, if it has more", () => {
  const rest = (bytes: number) => burst.took(bytes, bytes === readBytesMax, true);
  expect(rest(readBytesMax)).toBe(true);
  expect(rest(100)).toBe(false);
  others.isCrowded = true;
  expect(rest(readBytesMax)).toBe(true);
  expect(burst.took(readBytesMax)).toBe(false);
});
