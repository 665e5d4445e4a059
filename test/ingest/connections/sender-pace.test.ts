import { beforeEach, expect, test } from "vitest";
import { SenderPace } from "../../../src/ingest/connections/sender-pace.ts";

const limits = { firstTokenMs: 10_000, frameMsMax: 30_000 };
let nowMs: number;
let pace: SenderPace;
beforeEach(() => {
  nowMs = 1_000;
  pace = new SenderPace(() => nowMs);
});
const overrunAfter = (ms: number) => {
  nowMs += ms;
  return pace.overrun(limits);
};

test("a sender without a known token has its time for one; a known one has all the time", () => {
  expect(overrunAfter(9_999)).toBeUndefined();
  expect(overrunAfter(1)).toBe("no_token_in_time");
  pace.brought(0);
  expect(pace.isKnown).toBe(false);
  pace.brought(1);
  expect(overrunAfter(1_000_000)).toBeUndefined();
  pace.brought(0);
  expect(pace.isKnown).toBe(true);
});

test("a frame that has begun has its time, whatever comes of it; the next one has it anew", () => {
  pace.brought(1);
  pace.took(true, true);
  nowMs += 20_000;
  pace.took(true, false);
  expect(overrunAfter(9_999)).toBeUndefined();
  expect(overrunAfter(1)).toBe("too_slow");
  pace.took(true, true);
  expect(overrunAfter(29_999)).toBeUndefined();
  pace.took(false, true);
  expect(overrunAfter(1_000_000)).toBeUndefined();
});

test("our own time is nobody's", () => {
  pace.took(true, true);
  pace.pause();
  expect(pace.isPaused).toBe(true);
  nowMs += 500_000;
  pace.pause(); // twice is once
  expect(overrunAfter(500_000)).toBeUndefined();
  pace.resume();
  pace.resume();
  expect(overrunAfter(9_999)).toBeUndefined();
  expect(overrunAfter(1)).toBe("no_token_in_time");
  pace.brought(1);
  expect(overrunAfter(19_999)).toBeUndefined();
  expect(overrunAfter(1)).toBe("too_slow");
});
