/** From the stream to rows: events, levels, traces, times, figures. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Histogram } from "../../src/core/time/histogram.ts";
import { Glance, sumOf } from "../../web/src/glance/glance.ts";
import { ServiceTimes } from "../../web/src/glance/service-times.ts";
import { EventStream } from "../../web/src/log/event-stream.ts";
import { lineOf, type WireLine } from "../../web/src/log/line.ts";
import { LineRing } from "../../web/src/log/line-ring.ts";
import { LogCounts } from "../../web/src/log/log-counts.ts";
import { logfmtOf, routerLineOf } from "../../web/src/log/logfmt.ts";
import { messageOf } from "../../web/src/log/message.ts";
import { rowsOf } from "../../web/src/log/view-rows.ts";
import { figuresOf, paceBetween } from "../../web/src/node/figures.ts";
import { timeSpanOf } from "../../web/src/parts/time-span.ts";
import { calendarDayOf, longDayOf } from "../../web/src/parts/words.ts";

const time = "2026-01-02T03:04:05.000Z";
const wire = (message: string, more: Partial<WireLine> = {}): WireLine => ({
  position: `0.${more.line ?? 0}`,
  time,
  source: "app",
  dyno: "web.1",
  severity: "info",
  message,
  line: 0,
  ...more,
});

test("events are the same however their bytes come", () => {
  const text =
    'retry: 50\n\n: ping\n\nid: 1.1\ndata: {"a":1}\n\nid: 1.2\n\nevent: searched\ndata: {"end":null}\n\nid: 1.3\ndata: one\ndata: two\n\n';
  const whole = new EventStream().feed(text);
  expect(whole.map(({ type, id, data }) => [type, id, data])).toEqual([
    ["message", "1.1", '{"a":1}'],
    ["place", "1.2", ""],
    ["searched", undefined, '{"end":null}'],
    ["message", "1.3", "one\ntwo"],
  ]);
  fc.assert(
    fc.property(fc.array(fc.nat(text.length)), (cuts) => {
      const stream = new EventStream();
      const edges = [0, ...cuts.sort((a, b) => a - b), text.length];
      const events = edges.slice(1).flatMap((to, n) => stream.feed(text.slice(edges[n], to)));
      expect(events).toEqual(whole);
    }),
  );
});

test.each([
  ["ERROR: no", "info", "error"],
  ["all is well", "err", "error"],
  ['{"level":"warn","msg":"x"}', "info", "warn"],
  ["all is well", "notice", "info"],
] as const)("%j sent as %s is a line of level %s", (message, severity, level) => {
  expect(lineOf(wire(message, { severity })).level).toBe(level);
});

test("a stack trace is one row until it is opened, and never swallows another process", () => {
  const ring = new LineRing({ linesMax: 100, bytesMax: 1e9 });
  const messages: [string, string][] = [
    ["web.1", "TypeError: x"],
    ["web.1", "    at one (a.js:1)"],
    ["web.1", "    at two (a.js:2)"],
    ["web.2", "    at other (b.js:1)"],
    ["web.1", "next"],
  ];
  ring.pushNewer(messages.map(([dyno, message], line) => lineOf(wire(message, { dyno, line }))));
  const rows = (open: string[]) =>
    rowsOf(ring, new Set(open), () => true).map((row) =>
      row.kind === "line" ? [row.line.message, row.folded] : [],
    );
  expect(rows([])).toEqual([
    ["TypeError: x", 2],
    ["    at other (b.js:1)", 0],
    ["next", 0],
  ]);
  expect(rows(["0.0"])).toHaveLength(5);
});

test("between lines of two days, in the zone that is shown, stands the day that begins", () => {
  const ring = new LineRing({ linesMax: 100, bytesMax: 1e6 });
  const times = ["27T10:00", "27T23:59", "28T00:00", "28T23:59", "29T00:01"];
  ring.pushNewer(times.map((at, line) => lineOf(wire(at, { line, time: `2026-11-${at}:00.000Z` }))));
  const rows = rowsOf(ring, new Set(), () => true, "utc");
  expect(rows.map((row) => (row.kind === "day" ? longDayOf(row.timeMs, "utc") : row.kind))).toEqual([
    "line",
    "line",
    "Sat, 28 Nov 2026",
    "line",
    "line",
    "Sun, 29 Nov 2026",
    "line",
  ]);
  expect(new Set(rows.map(({ key }) => key)).size).toBe(rows.length);
  const [fromMs, toMs] = calendarDayOf(Date.parse("2026-11-28T12:00:00Z"), "local");
  expect([new Date(fromMs).getHours(), new Date(toMs).getHours()]).toEqual([0, 0]);
});

test("the router's line is told by its fields, and nobody else's is", () => {
  const message =
    'at=error code=H12 desc="Request timeout" method=GET path="/lists?a=b" dyno=web.1 service=30000ms status=503 bytes=0';
  expect(routerLineOf("heroku", "router", message)).toMatchObject({
    status: 503,
    code: "H12",
    path: "/lists?a=b",
    serviceMs: 30_000,
    what: "Request timeout",
  });
  expect(routerLineOf("app", "router", message)).toBeUndefined();
  expect(routerLineOf("heroku", "router", "status=abc method=GET")).toBeUndefined();
});

test("logfmt reads as its message and fields, and what is no logfmt as it is", () => {
  const read = (message: string) =>
    messageOf(message, Date.parse("2026-11-28T14:30:05Z"))
      .map(({ text }) => text)
      .join("");
  expect(read('level=warn msg="slow query" table=lists dur=1.2s')).toBe("slow query  table=lists  dur=1.2s");
  expect(read("payment failed order=7 user=9")).toBe("payment failed  order=7  user=9");
  for (const same of ["a = b", "x=1", "level=info time=now", "\x1b[31mlevel=warn a=1 b=2", "{}", "plain"])
    expect(read(same)).toBe(same);
});

test("JSON reads as its message and fields, everything else as it is", () => {
  const text = (message: string) =>
    messageOf(message, Date.parse("2026-11-28T14:30:05Z"))
      .map((piece) => piece.text)
      .join("");
  expect(text('{"level":"info","msg":"done","ms":12,"user":{"id":1}}')).toBe('done  ms=12  user={"id":1}');
  expect(text('{"broken":')).toBe('{"broken":');
  const at = (time: string) => text(`{"time":"${time}","timestamp":"${time}","msg":"done"}`);
  expect(at("2026-11-28T14:30:04Z")).toBe("done");
  expect(at("2026-11-28T11:00:00Z")).toBe("done  time=2026-11-28T11:00:00Z  timestamp=2026-11-28T11:00:00Z");
  expect(text("x".repeat(5_000))).toBe(`${"x".repeat(4_000)} … 1000 characters more`);
});

describe("the time of a chart", () => {
  test("ends where the last step ends: five lines of one moment have a bar of their own step", () => {
    const histogram = new Histogram();
    for (let n = 0; n < 5; n++) histogram.add(7_200, "info");
    const times = histogram.bins().map(({ startMs }) => startMs);
    expect(timeSpanOf(times, histogram.stepMs)).toEqual([7, 8]);
    histogram.add(9_900, "error");
    expect(
      timeSpanOf(
        histogram.bins().map(({ startMs }) => startMs),
        histogram.stepMs,
      ),
    ).toEqual([7, 10]);
  });

  test("has every line of any histogram in it", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 9 * 86_400_000 }), { minLength: 1 }), (times) => {
        const histogram = new Histogram({ binsMax: 60 });
        for (const timeMs of times) histogram.add(timeMs, "info");
        const starts = histogram.bins().map(({ startMs }) => startMs);
        const [from, to] = timeSpanOf(starts, histogram.stepMs)!;
        expect(from * 1000).toBeLessThanOrEqual(Math.min(...times));
        expect(to * 1000).toBeGreaterThan(Math.max(...times));
      }),
    );
  });

  test("is from the first moment to the last without steps, and open where that is nothing", () => {
    expect(timeSpanOf([1_000, 3_000], undefined)).toEqual([1, 3]);
    expect(timeSpanOf([1_000], undefined)).toBeUndefined();
    expect(timeSpanOf([], 1_000)).toBeUndefined();
  });
});

test("an app at a glance counts requests by status, times, codes and memory", () => {
  const glance = new Glance(3_600_000, () => Date.parse(time) + 1_000);
  for (let n = 0; n < 200; n++)
    glance.add(
      lineOf(
        wire(
          `at=info method=GET path="/" service=${n + 1}ms status=${n % 4 === 0 ? 503 : 200} code=${n % 4 === 0 ? "H12" : ""}`,
          { source: "heroku", dyno: "router", line: n },
        ),
      ),
    );
  glance.add(
    lineOf(
      wire("source=web.1 sample#memory_total=300.5MB sample#memory_quota=512.00MB", { source: "heroku" }),
    ),
  );
  glance.add(lineOf(wire("Error R14 (Memory quota exceeded)", { source: "heroku" })));
  const [step] = glance.inOrder();
  expect(step!.byStatus).toMatchObject({ "2xx": 150, "5xx": 50 });
  expect(glance.codes.get("H12")).toBe(50);
  expect(glance.codes.get("R14")).toBe(1);
  expect(glance.memory.get("web.1")).toMatchObject({ quotaMb: 512 });
  const p95 = sumOf(glance.inOrder()).within(0.95)!;
  expect(p95).toBeGreaterThanOrEqual(190);
  expect(p95).toBeLessThan(190 * 1.16);
});

test("an app at a glance has the steps of its span, whatever times its lines say", () => {
  const nowMs = Date.parse(time);
  const glance = new Glance(3_600_000, () => nowMs);
  const hour = 3_600_000;
  const ages = [0, 1_000, hour / 2, hour, -30_000, 25 * hour, -25 * hour, 60 * 365 * 24 * hour];
  const times = [...ages.map((age) => new Date(nowMs - age).toISOString()), "9999-12-31T23:59:59Z", "none"];
  for (const [n, said] of times.entries()) glance.add(lineOf(wire("x", { time: said, line: n })));
  for (let n = 0; n < 200; n++)
    glance.add(lineOf(wire("x", { time: new Date(nowMs + (n + 2) * 60_000).toISOString(), line: n })));
  expect(glance.lines).toBe(5);
  expect(glance.elsewhere).toBe(204);
  expect(glance.inOrder().length).toBeLessThanOrEqual(125);
});

test("the live counts have a line whose clock is off where the server counts it: now", () => {
  const counts = new LogCounts();
  const times = [new Date().toISOString(), "9999-12-31T23:59:59Z", "1970-01-01T00:00:00Z"];
  for (const [n, said] of times.entries()) counts.add(lineOf(wire("x", { time: said, line: n })));
  const { stepMs, bins } = counts.bins();
  expect(stepMs).toBeLessThanOrEqual(10_000);
  expect(bins.reduce((sum, { counts: of }) => sum + of.info, 0)).toBe(3);
});

// A time that grows with the square of the length would be minutes here.
test.each([
  ["a word", "x".repeat(250_000)],
  ["words", "x.y#z-".repeat(40_000)],
  ["names without a value", "x ".repeat(120_000)],
  ["quotes without an end", 'a="'.repeat(80_000)],
  ["quotes that are escaped", 'a="\\"'.repeat(50_000)],
])("fields are looked for in time that grows with the text: %s", (_, text) => {
  expect(logfmtOf(text).size).toBeLessThanOrEqual(1);
  expect(routerLineOf("heroku", "router", text)).toBeUndefined();
});

describe("the service time that a share of requests does not exceed", () => {
  const timesOf = (all: readonly number[]) => {
    const times = new ServiceTimes();
    for (const ms of all) times.add(ms);
    return times;
  };

  test("is a time that was told, where times are few", () => {
    expect(timesOf([]).within(0.5)).toBeNull();
    expect(timesOf([90, 8, 400, 12, 40, 22]).within(0.5)).toBe(22);
    expect(timesOf([90, 8, 400, 12, 40, 22]).within(0.99)).toBe(400);
  });

  test("is the one time that all took, and never off by 15 % nor out of the times' range", () => {
    const ms = fc.integer({ min: 0, max: 100_000 });
    fc.assert(
      fc.property(
        ms,
        fc.integer({ min: 1, max: 50 }),
        fc.constantFrom(0.5, 0.95, 0.99),
        (one, count, share) => {
          expect(timesOf(Array<number>(count).fill(one)).within(share)).toBe(one);
        },
      ),
      { examples: [[30_000, 8, 0.99]] },
    );
    fc.assert(
      fc.property(fc.array(ms, { minLength: 1 }), fc.constantFrom(0.5, 0.95, 0.99), (all, share) => {
        const exact = all.toSorted((a, b) => a - b)[Math.ceil(all.length * share - 1e-9) - 1]!;
        const estimate = timesOf(all).within(share)!;
        expect(Math.abs(estimate - exact)).toBeLessThanOrEqual(Math.max(1, exact * 0.15));
        const halves = [timesOf(all.slice(0, all.length / 2)), timesOf(all.slice(all.length / 2))];
        const sum = new ServiceTimes();
        for (const half of halves) sum.addAll(half);
        expect(sum.within(share)).toBe(estimate);
      }),
    );
  });
});

test("the node's pace is the difference of two readings", () => {
  const reading = (atMs: number, accepted: number, delivered: number) => ({
    atMs,
    figures: figuresOf(
      `# HELP x\ntailrace_accepted_lines_total{via="http"} ${accepted}\ntailrace_accepted_lines_total{via="syslog"} 1\ntailrace_drain_lines_total{outcome="delivered"} ${delivered}\ntailrace_drain_lines_total{outcome="lost"} 99\ntailrace_drain_backlog_lines 7\n`,
    ),
  });
  expect(paceBetween(reading(0, 10, 5), reading(2_000, 30, 9))).toEqual({
    atMs: 2_000,
    accepted: 10,
    delivered: 2,
    waiting: 7,
  });
  expect(paceBetween(reading(0, 30, 5), reading(2_000, 1, 1))).toBeUndefined(); // it began anew
});
