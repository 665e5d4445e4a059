/** `Retry-After`: which values have a meaning, and which have none. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { Secrets } from "../../../src/core/secrets/repeated-secrets.ts";
import { judge } from "../../../src/drains/sinks/judge.ts";
import { retryAfterMs } from "../../../src/drains/sinks/retry-after.ts";

const nowMs = Date.parse("2026-01-02T03:04:05.500Z");

test.each([
  ["0", 0],
  ["7", 7_000],
  ["007", 7_000],
  ["99999999999", 99_999_999_999_000],
  ["9".repeat(400), Number.POSITIVE_INFINITY],
  ["Fri, 02 Jan 2026 03:05:05 GMT", 59_500],
  ["Friday, 02-Jan-26 03:05:05 GMT", 59_500],
  ["Fri Jan  2 03:05:05 2026", 59_500],
  ["Fri Jan 02 03:05:05 2026", 59_500],
  ["Fri, 02 Jan 2026 03:04:60 GMT", 54_500],
  ["Sun, 06 Nov 1994 08:49:37 GMT", 0],
  ["Sunday, 06-Nov-94 08:49:37 GMT", 0],
  ["Sun Nov  6 08:49:37 1994", 0],
  ["Saturday, 01-Jan-77 00:00:00 GMT", 0],
  ["Wednesday, 01-Jan-76 00:00:00 GMT", Date.parse("2076-01-01") - nowMs],
  ["Mon, 28 Feb 0099 00:00:00 GMT", 0],
] as const)("%j is a wait of %d ms", (text, ms) => expect(retryAfterMs(text, nowMs)).toBe(ms));

test.each([
  undefined,
  "",
  "-5",
  "+5",
  "1.5",
  "7, 9",
  "7s",
  "1e3",
  "0x10",
  "soon",
  "2027-01-01",
  "2027-01-01T00:00:00Z",
  "Fri, 2 Jan 2026 03:05:05 GMT",
  "Fri, 02 Jan 2026 03:05:05",
  "Fri, 02 Jan 2026 03:05:05 UTC",
  "Fri, 02 Jan 2026 03:05:05 +0000",
  "Fri, 02 Jan 2026 24:05:05 GMT",
  "Fri, 02 Jan 2026 03:60:05 GMT",
  "Fri, 02 Jan 2026 03:05:61 GMT",
  "Fri, 00 Jan 2026 03:05:05 GMT",
  "Mon, 30 Feb 2026 03:05:05 GMT",
  "fri, 02 jan 2026 03:05:05 gmt",
  "Friday, 02 Jan 2026 03:05:05 GMT",
  "Fri, 02-Jan-26 03:05:05 GMT",
  "Fri Jan 2 03:05:05 2026",
  "Fri, 02 Jan 2026 03:05:05 GMT ",
  "Fri, 02 Jan 2026 03:05:05 GMT, 7",
])("%j is none", (text) => expect(retryAfterMs(text, nowMs)).toBeUndefined());

test("whatever second it names, a date means that second", () => {
  const seconds = fc.integer({ min: 0, max: Date.parse("9999-12-31T23:59:59Z") / 1000 });
  fc.assert(
    fc.property(seconds, (at) => {
      const text = new Date(at * 1000).toUTCString();
      expect(retryAfterMs(text, 0)).toBe(at * 1000);
    }),
  );
});

test("however long, no wait is longer than the longest that a destination may ask for", () => {
  for (const [text, afterMs] of [
    ["99999999999", 3_600_000],
    ["9".repeat(400), 3_600_000],
    ["Fri, 31 Dec 9999 00:00:00 GMT", 3_600_000],
    ["3599", 3_599_000],
    ["-5", undefined],
  ] as const) {
    const answer = { status: 503, retryAfter: text, contentType: "", body: Buffer.alloc(0), isCut: false };
    const options = { destination: { host: "h", port: 1 }, secrets: new Secrets([]), rejected: undefined };
    const verdict = judge(answer, { ...options, retryAfterMsMax: 3_600_000, lines: 1 }, nowMs);
    expect((verdict as { afterMs?: number }).afterMs).toBe(afterMs);
  }
});
