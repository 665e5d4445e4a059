import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { mendedTimestamp, syslogTime, timestampEnd } from "../../../src/core/wire/timestamp.ts";

const isTimestamp = (text: string) => {
  const bytes = Buffer.from(text, "latin1");
  return timestampEnd(bytes, 0, bytes.length) === bytes.length;
};

describe("a timestamp of RFC 5424", () => {
  test.each([
    "1985-04-12T23:20:50.52Z",
    "1985-04-12T19:20:50.52-04:00",
    "2003-10-11T22:14:15.003Z",
    "2003-08-24T05:14:15.000003-07:00",
    "2024-02-29T00:00:00Z",
    "2000-02-29T23:59:59+23:59",
  ])("is %s", (text) => expect(isTimestamp(text)).toBe(true));

  test.each([
    "2003-08-24T05:14:15.000000003-07:00",
    "2003-08-24T05:14:15.-07:00",
    "2003-08-24T05:14:15",
    "2003-08-24T05:14:60Z",
    "2003-08-24T24:00:00Z",
    "2003-08-24t05:14:15Z",
    "2003-08-24 05:14:15Z",
    "2003-8-24T05:14:15Z",
    "2023-02-29T05:14:15Z",
    "1900-02-29T05:14:15Z",
    "2023-04-31T05:14:15Z",
    "2023-00-01T05:14:15Z",
    "2023-01-00T05:14:15Z",
    "2023-13-01T05:14:15Z",
    "2003-08-24T05:14:15+24:00",
    "2003-08-24T05:14:15+07:60",
    "2003-08-24T05:14:15+0700",
    "2003-08-24T05:14:15+07:0",
    "-",
    "",
  ])("is not %j", (text) => expect(isTimestamp(text)).toBe(false));

  test("ends where it does, whatever follows, and is not looked for behind the end", () => {
    const bytes = Buffer.from("x2003-10-11T22:14:15Z rest");
    expect(timestampEnd(bytes, 1, bytes.length)).toBe(21);
    for (let end = 0; end < 21; end++) expect(timestampEnd(bytes, 1, end)).toBe(-1);
  });

  test("is what a clock shows, and nothing one character away that no clock shows", () => {
    const date = fc.date({ min: new Date(0), max: new Date(4e12), noInvalidDate: true });
    fc.assert(
      fc.property(date, fc.nat(22), fc.constantFrom(..."0123456789TZ:-+. "), (at, place, other) => {
        const text = syslogTime(at.getTime());
        expect(isTimestamp(text)).toBe(true);
        const changed = text.slice(0, place) + other + text.slice(place + 1);
        const isShown = !Number.isNaN(Date.parse(changed)) && isSameDay(changed);
        if (isTimestamp(changed)) expect(isShown).toBe(true);
      }),
    );
  });
});

// `Date.parse` takes the 31st of any month for a day of the next.
const isSameDay = (text: string) =>
  new Date(`${text.slice(0, 10)}T00:00:00Z`).toISOString().startsWith(text.slice(0, 10));

test.each([
  ["2024-03-02T01:02:03.123456789Z", "2024-03-02T01:02:03.123456Z"],
  ["2024-03-02T01:02:03.1234567-07:00", "2024-03-02T01:02:03.123456-07:00"],
  ["2024-03-02t01:02:03.5z", "2024-03-02T01:02:03.5Z"],
  ["2024-03-02T01:02:03.123456789", undefined],
  ["2024-03-02T01:02:03.1234567 Z", undefined],
  ["heroku[router]:", undefined],
])("what is RFC 3339 alone is mended: %s", (text, mended) => {
  expect(mendedTimestamp(text)).toBe(mended);
});
