import { expect, test } from "vitest";
import { RoundTrips } from "../../../src/drains/sinks/round-trips.ts";

test("the least of an address counts, for an hour", () => {
  let nowMs = 1;
  const roundTrips = new RoundTrips(() => nowMs);
  expect(roundTrips.seen("192.0.2.7", 12)).toBe(12);
  expect(roundTrips.seen("192.0.2.7", 40)).toBe(12);
  expect(roundTrips.seen("192.0.2.8", 40)).toBe(40);
  nowMs += 1_800_000;
  expect(roundTrips.seen("192.0.2.7", 9)).toBe(9);
  nowMs += 1_800_000;
  expect(roundTrips.seen("192.0.2.7", 50)).toBe(9);
  nowMs += 1_800_001;
  expect(roundTrips.seen("192.0.2.7", 50)).toBe(50);
});

test.each(["127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1"])(
  "to %s, on this machine, it is less than a timer can tell, however long this process took",
  (address) => {
    expect(new RoundTrips().seen(address, 30)).toBe(0);
  },
);
