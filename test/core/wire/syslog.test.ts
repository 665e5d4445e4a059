import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SyslogHeader, scanHeader } from "../../../src/core/wire/syslog.ts";
import { syslogTime } from "../../../src/core/wire/timestamp.ts";

const now = new Date(2026, 1, 5, 3, 4, 5).getTime();
const time = "2026-01-02T03:04:05.000006+00:00";
const token = "t.00000000-0000-4000-8000-000000000001";

/** The parts of a frame, as text. */
function scan(text: string, nowMs = now) {
  const bytes = Buffer.from(text);
  const found = new SyslogHeader();
  scanHeader(bytes, 0, bytes.length, found, nowMs);
  const part = (start: number, end: number) => bytes.toString("utf8", start, end);
  return {
    kind: found.kind,
    reason: found.kind === "text" ? found.reason : undefined,
    pri: found.pri,
    time: Buffer.from(found.time.subarray(found.timeStart, found.timeEnd)).toString(),
    host: part(found.hostStart, found.hostEnd),
    app: part(found.appStart, found.appEnd),
    process: part(found.processStart, found.processEnd),
    message: part(found.messageStart, bytes.length),
  };
}

const local = (year: number, month: number, day: number, h: number, m: number, s: number) =>
  syslogTime(new Date(year, month - 1, day, h, m, s).getTime());

describe("one scan tells what a frame is", () => {
  test.each([
    [`<30>1 ${time} box app 8 - - text`, "rfc5424", undefined],
    [`<30>1 ${time} box app  8 - - text`, "rfc5424", undefined],
    ["<34>Feb  3 04:05:06 box cron: job 7 failed", "bsd", undefined],
    [`<34>${time} box cron: job 7 failed`, "bsd", undefined],
    [`<30>2 ${time} box app 8 - - text`, "text", "version"],
    [`<30>1 ${time} box app`, "text", "fields_missing"],
    ["<34>Feb  3 04:05:06 box no colon here", "text", "version"],
    ["plain text", "text", "no_pri"],
    [`<1000>1 ${time} box app 8 - - text`, "text", "no_pri"],
  ])("%s", (frame, kind, reason) => {
    expect(scan(frame)).toMatchObject({ kind, reason });
  });

  test.each([
    `<30>1 ${time} box ${token}  8 - - two blanks`,
    `<30>2 ${time} box ${token} web.1 - - version 2`,
    `<30>1 ${time} box ${token}`,
    `<30>  ${time} box ${token} x`,
    `<34>Feb  3 04:05:06 box ${token}[web.1]: text`,
    `<34>Feb  3 04:05:06 box ${token}: text`,
  ])("and where the token is: %s", (frame) => {
    expect(scan(frame).app).toBe(token);
  });
});

describe("BSD syslog", () => {
  test.each([
    ["<34>Feb  3 04:05:06 box cron: job 7 failed", "box", "cron", "", "cron: job 7 failed"],
    ["<34>feb 3 04:05:06 box cron: x", "box", "cron", "", "cron: x"],
    ["<34>Feb  3 04:05:06 box.example-1 app[web.1]: x", "box.example-1", "app", "web.1", "app[web.1]: x"],
    ["<34>Feb  3 04:05:06 box postfix/smtpd[77]: x", "box", "postfix/smtpd", "77", "postfix/smtpd[77]: x"],
    ["<34>Feb  3 04:05:06 cron: without a host", "", "cron", "", "cron: without a host"],
    ["<34>Feb  3 04:05:06 b1f2[77]: from docker", "", "b1f2", "77", "b1f2[77]: from docker"],
    ["<34>Feb  3 04:05:06 box cron:", "box", "cron", "", "cron:"],
    ["<34>Feb  3 04:05:06  box   cron: x", "box", "cron", "", "cron: x"],
    ["<34>Feb  3 04:05:06 box cron: one\n  two ", "box", "cron", "", "cron: one\n  two "],
    [`<34>Feb  3 04:05:06 box ${token}[web.1]: x`, "box", token, "web.1", "x"],
    [`<34>Feb  3 04:05:06 box ${token}:  x`, "box", token, "", " x"],
  ])("%j is read", (frame, host, app, process, message) => {
    expect(scan(frame)).toEqual({
      kind: "bsd",
      reason: undefined,
      pri: 34,
      time: local(2026, 2, 3, 4, 5, 6),
      host,
      app,
      process,
      message,
    });
  });

  test.each([
    "<34>Feb  3 04:05:06 ::1 cron: x",
    "<34>Feb  3 04:05:06 box two words: x",
    "<34>Fob  3 04:05:06 box cron: x",
    "<34>see Feb  3 04:05:06 box cron: x",
    "<34>Feb  3 04:05 box cron: x",
    "<34>Feb  3 04:05:06 ",
    `<34>Feb  3 04:05:06 ${"b".repeat(600)} cron: x`,
  ])("%j is text, with its severity", (frame) => {
    expect(scan(frame)).toMatchObject({ kind: "text", pri: 34, time: "", message: frame.slice(4) });
  });

  test.each([
    ["Dec 31 23:59:59", [2026, 1, 1], local(2025, 12, 31, 23, 59, 59)],
    ["Jan  1 00:00:01", [2025, 12, 31], local(2026, 1, 1, 0, 0, 1)],
    ["Feb 29 12:00:00", [2024, 6, 1], local(2024, 2, 29, 12, 0, 0)],
    ["Feb 29 12:00:00", [2027, 6, 1], local(2024, 2, 29, 12, 0, 0)],
    ["Feb  3 04:05:06", [2026, 1, 31], local(2026, 2, 3, 4, 5, 6)],
    ["Feb  3 04:05:06", [2026, 11, 28], local(2026, 2, 3, 4, 5, 6)],
    ["Feb  8 00:00:01", [2026, 2, 1], local(2025, 2, 8, 0, 0, 1)],
    ["Feb 31 04:05:06", [2026, 1, 31], ""],
    ["Feb  0 04:05:06", [2026, 1, 31], ""],
    ["Feb  3 24:05:06", [2026, 1, 31], ""],
  ] as const)(
    "%s, seen on %j, is of the latest year that has happened",
    (clock, [year, month, day], expected) => {
      const seen = scan(`<34>${clock} box cron: x`, new Date(year, month - 1, day).getTime());
      expect(seen).toMatchObject({ kind: "bsd", message: "cron: x", time: expected });
    },
  );

  test("RFC 3339 times are taken as they are, or none", () => {
    expect(scan(`<34>${time} box cron[7]: x`)).toMatchObject({ time, process: "7", host: "box" });
    expect(scan("<34>2026-01-02T03:04:05.123456789Z box cron: x").time).toBe("2026-01-02T03:04:05.123456Z");
    expect(scan("<34>2026-99-02T03:04:05Z box cron: x")).toMatchObject({ kind: "bsd", time: "" });
  });
});

test("any bytes are scanned within their bounds, and each part within the frame", () => {
  const pieces = fc.constantFrom(
    "<34>",
    "<30>1 ",
    "Feb  3 04:05:06",
    ` ${time}`,
    " box",
    " cron",
    "[7]",
    ":",
    " ",
    token,
    "-",
    " - ",
    "\n",
    '[a b="c"]',
    "[x]",
    "é",
    "\uFEFF",
    "\u0000",
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(pieces, fc.string({ maxLength: 5 })), { maxLength: 14 }), (all) => {
      const frame = Buffer.from(all.join(""));
      const bytes = Buffer.concat([Buffer.from("<1>1 "), frame, Buffer.from(" - - behind")]);
      const header = new SyslogHeader();
      const [start, end] = [5, 5 + frame.length];
      scanHeader(bytes, start, end, header, now);
      const { processStart, processEnd, msgidStart, msgidEnd, sdStart, sdEnd, messageStart } = header;
      const inOrder = [
        start,
        processStart,
        processEnd,
        msgidStart,
        msgidEnd,
        sdStart,
        sdEnd,
        messageStart,
        end,
      ];
      if (header.kind === "rfc5424") expect(inOrder.toSorted((a, b) => a - b)).toEqual(inOrder);
      for (const place of [header.appStart, header.appEnd, header.hostStart, header.hostEnd, ...inOrder]) {
        expect(place).toBeGreaterThanOrEqual(start);
        expect(place).toBeLessThanOrEqual(end);
      }
      expect(header.pri).toBeLessThanOrEqual(191);
    }),
    { numRuns: 2_000 },
  );
});
