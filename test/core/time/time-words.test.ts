import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { since } from "../../../cli/logs/log-session.ts";
import { readTime, timeAsked } from "../../../src/core/time/time-words.ts";

/** Saturday, 28 November 2026, 15:04:05 where this runs. */
const now = new Date(2026, 10, 28, 15, 4, 5).getTime();
const local = (...fields: [number, number, number, number?, number?, number?, number?]) => {
  const [year, month, day, ...time] = fields;
  return new Date(year, month - 1, day, ...(time as number[])).getTime();
};

describe("a time as people write it", () => {
  test.each([
    ["90s", now - 90_000],
    ["1h30m", now - 5_400_000],
    ["10 min", now - 600_000],
    ["2 hours ago", now - 7_200_000],
    ["1 week ago", now - 604_800_000],
    ["2026-11-28", local(2026, 11, 28)],
    ["2026/11/28", local(2026, 11, 28)],
    ["2026-11-28 14:30", local(2026, 11, 28, 14, 30)],
    ["2026-11-28T14:30:05.25", local(2026, 11, 28, 14, 30, 5, 250)],
    ["2026-11-28 14:30:05,123", local(2026, 11, 28, 14, 30, 5, 123)],
    ["2026-11-28T14:30:05.123456+01:00", Date.UTC(2026, 10, 28, 13, 30, 5, 123)],
    ["2026-11-28t14:30:05z", Date.UTC(2026, 10, 28, 14, 30, 5)],
    ["2026-11-28 14:30 UTC", Date.UTC(2026, 10, 28, 14, 30)],
    ["2026-11-28 14:30 -0530", Date.UTC(2026, 10, 28, 20, 0)],
    ["2024-02-29", local(2024, 2, 29)],
    ["14:30", local(2026, 11, 28, 14, 30)],
    ["15:05", local(2026, 11, 27, 15, 5)],
    ["2:30pm", local(2026, 11, 28, 14, 30)],
    ["12 am", local(2026, 11, 28)],
    ["today", local(2026, 11, 28)],
    ["yesterday", local(2026, 11, 27)],
    ["Yesterday 9:00", local(2026, 11, 27, 9)],
    ["today 23:00", local(2026, 11, 28, 23)],
    ["saturday", local(2026, 11, 28)],
    ["sat 16:00", local(2026, 11, 21, 16)],
    ["Tue 9:00", local(2026, 11, 24, 9)],
    ["28 Nov", local(2026, 11, 28)],
    ["Nov 28 14:30:05", local(2026, 11, 28, 14, 30, 5)],
    ["Nov  5 09:01:02", local(2026, 11, 5, 9, 1, 2)],
    ["1 December", local(2025, 12, 1)],
    ["Nov 28, 2025 14:30", local(2025, 11, 28, 14, 30)],
    ["29 feb", local(2024, 2, 29)],
  ])("%s", (text, timeMs) => {
    expect(readTime(text, now)).toBe(timeMs);
  });

  test.each([
    "",
    "soon",
    "2026-13-01",
    "2026-02-29",
    "2026-11-28 25:00",
    "11/28/2026",
    "28",
    "1764340000",
    "10M",
    "13pm",
    "tomorrow",
    "30 feb",
    "2026-11-28T14:30:05+1",
    "10 min 5",
    "99999999999 w",
  ])("%j is none", (text) => {
    expect(readTime(text, now)).toBeUndefined();
  });

  test("reads back every moment that is written as RFC 3339, in any zone", () => {
    const offsets = fc.integer({ min: -14 * 60, max: 14 * 60 });
    const times = fc.integer({ min: Date.UTC(1971, 0), max: Date.UTC(9999, 0) });
    fc.assert(
      fc.property(times, offsets, (timeMs, minutes) => {
        const sign = minutes < 0 ? "-" : "+";
        const hhmm = [Math.abs(minutes) / 60, Math.abs(minutes) % 60].map((part) =>
          String(Math.floor(part)).padStart(2, "0"),
        );
        const there = new Date(timeMs + minutes * 60_000).toISOString().slice(0, -1);
        expect(readTime(`${there}${sign}${hhmm.join(":")}`, now)).toBe(timeMs);
      }),
    );
  });

  test("never takes text for a moment that RFC 3339 cannot write, and never fails", () => {
    const words = fc.array(
      fc.oneof(
        fc.nat(10_000).map(String),
        fc.constantFrom("nov", "mon", "am", "pm", ":", "-", "T", "Z", "+01:00", "ago", "d", " ", ".", ","),
      ),
      { maxLength: 9 },
    );
    fc.assert(
      fc.property(words, (parts) => {
        const timeMs = readTime(parts.join(""), now);
        if (timeMs !== undefined) expect(new Date(timeMs).toISOString()).toMatch(/^\d{4}-/);
      }),
    );
  });
});

test("how long ago is left to the server, whose clock counts; the rest is sent as RFC 3339", () => {
  expect(since("10m")).toBe("10m");
  expect(since("2026-11-28")).toBe(new Date(2026, 10, 28).toISOString().replace(".000", ""));
  expect(since("1h30m")).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/);
  expect(() => since("soon")).toThrow("Write a time as 10m, 14:30, yesterday,");
});

test.each([
  ["yesterday 14:30", "2026-11-27T14:30:00Z"],
  ["2026-11-28", "2026-11-28T00:00:00Z"],
  ["2026-11-28 14:30 +0100", "2026-11-28T13:30:00Z"],
  ["10m", "10m"],
  ["soon", undefined],
])("where times are UTC %j is %s", (text, asked) => {
  expect(timeAsked(text, Date.UTC(2026, 10, 28, 15, 4, 5), "utc")).toBe(asked);
});
