/** A field with a time is hidden only where the line's own time says the same. */
import { expect, test } from "vitest";
import { repeatsTime } from "../../../src/core/message/own-time.ts";

const lineMs = Date.parse("2026-11-28T14:30:05.250Z");

test.each([
  ["the same", "2026-11-28T14:30:05.250Z", true],
  ["some seconds earlier", "2026-11-28T14:30:01Z", true],
  ["the same in another zone", "2026-11-28T16:30:05.25+02:00", true],
  ["the same in a zone that it does not name", "2026-11-28 20:15:05,250", true],
  ["the same in seconds", 1_795_876_205.25, true],
  ["the same in ms", 1_795_876_205_250, true],
  ["the same in ns, in logfmt", "1795876205250000000", true],
  ["no time in digits", "Sat Nov 28 14:30", true],
  ["no day that there is", "2026-13-41T00:00:00Z", true],
  ["an hour earlier", "2026-11-28T13:30:05Z", false],
  ["ten seconds earlier, without a zone", "2026-11-28 14:29:55", false],
  ["another day, without a zone", "2026-11-26 14:30:05", false],
  ["an hour earlier, in ms", 1_795_872_605_250, false],
  ["a duration", 0.53, false],
] as const)("%s: %j is hidden: %j", (_case, value, isHidden) => {
  for (const key of ["time", "timestamp", "ts", "@timestamp"])
    expect(repeatsTime(key, value, lineMs)).toBe(isHidden);
});

test("no other field is taken for one", () => {
  expect(repeatsTime("due", "2026-11-28T14:30:05.250Z", lineMs)).toBe(false);
});

test("where a line's own time is not known, a field is hidden as before", () => {
  expect(repeatsTime("time", "2026-11-28T14:30:05Z", Number.NaN)).toBe(true);
});
