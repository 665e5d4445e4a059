/** What the text, the time and the severity of a line are: every output says the same. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { LineCursor } from "../../../src/core/batch/line-cursor.ts";
import { compileFilter } from "../../../src/core/filter/line-filter.ts";
import { formatBatch, type LineFormat } from "../../../src/core/format/format.ts";
import { origin } from "../../../src/core/position.ts";
import { atOnce } from "../../../src/core/scheduling/steps.ts";
import type { FormatName } from "../../../src/drains/destination.ts";
import { bodyFormats } from "../../../src/drains/sinks/formats/all-formats.ts";
import { strictFrames } from "../../../src/drains/sinks/formats/rfc5424.ts";
import { severityWords, unixNanos } from "../../../src/drains/sinks/formats/text-line.ts";
import type { Slice } from "../../../src/ports.ts";
import { canonised } from "../../support/canonised.ts";
import { octetCounted } from "../../support/frames.ts";
import { type OtlpRequest, readOtlp, readOtlpJson } from "../../support/otlp-receiver.ts";
import { readFrame, SyslogReader } from "../../support/syslog-receiver.ts";

const nowMs = Date.UTC(2026, 0, 2, 3, 4, 5);
const now = "2026-01-02T03:04:05.000000+00:00";
const context = { drainToken: "d.1", appId: "app-id", appName: "shop", nowMs };

/** A line as one output shows it; what the output does not tell is left out. */
type Seen = {
  readonly text: string;
  readonly time?: string;
  readonly nanos?: string;
  readonly level?: string;
};

const stored = (body: Buffer): Slice => canonised(body, "app", { frameBytesMax: 1 << 18, nowMs });

const drained = (format: FormatName, slice: Slice): Buffer =>
  Buffer.concat([atOnce(bodyFormats[format].write([slice], context))].flat());
const parsed = (format: FormatName, slice: Slice) => JSON.parse(drained(format, slice).toString());
const shown = (format: LineFormat, slice: Slice): string =>
  formatBatch({ ...slice, at: origin }, { format, transport: "plain" }).bytes.toString();
const linesOf = (text: string): string[] => text.split("\n").slice(0, -1);

// A message of several lines is shown as several, each with the head; the tests' messages have no such text in them.
function fromText(slice: Slice): Seen[] {
  const seen: Seen[] = [];
  for (const line of linesOf(shown("text", slice))) {
    const [, time, text] = /^(\S+) app\[[^\]]*\]: (.*)$/s.exec(line)!;
    seen.push({ time: time!, text: text! });
  }
  return seen;
}

const fromFrames = (text: string): Seen[] =>
  linesOf(text).map((line) => {
    const { time, message, pri } = readFrame(line);
    return { time, text: message, level: severityWords[pri & 7]! };
  });

// Raw is the stored frame in one line: in the form `logplex` it has no place for structured data.
function fromRaw(slice: Slice): Seen[] {
  if (slice.form === "rfc5424") return fromFrames(shown("raw", slice));
  return linesOf(shown("raw", slice)).map((line) => {
    const [, pri, time, text] = /^<(\d+)>1 (\S+) host app \S+ - (.*)$/s.exec(line)!;
    return { time: time!, text: text!, level: severityWords[Number(pri) & 7]! };
  });
}

function fromLogplex(slice: Slice): Seen[] {
  const bytes = drained("logplex", slice);
  const line = new LineCursor().open(bytes, "logplex");
  const seen: Seen[] = [];
  while (line.next())
    seen.push({
      time: bytes.toString("latin1", line.timeStart, line.timeEnd),
      text: withoutBreak(bytes.toString("utf8", line.messageStart, line.end)),
      level: severityWords[line.pri & 7]!,
    });
  return seen;
}

function fromSyslog(frames: Buffer): Seen[] {
  const reader = new SyslogReader();
  reader.push(frames);
  return reader.frames.map(({ time, message, pri }) => ({
    time,
    text: withoutBreak(message),
    level: severityWords[pri & 7]!,
  }));
}

const fromOtlp = ({ resourceLogs }: OtlpRequest): Seen[] =>
  resourceLogs
    .flatMap(({ scopeLogs }) => scopeLogs.flatMap(({ logRecords }) => logRecords))
    .map(({ body, timeUnixNano, severityText }) => ({
      text: body.stringValue!,
      nanos: String(timeUnixNano),
      level: severityText,
    }));

type JsonLine = Record<string, string>;
const fromJsonLines = (text: string, timeName: string): Seen[] =>
  linesOf(text)
    .map((line): JsonLine => JSON.parse(line))
    .map((line) => ({ text: line.message!, time: line[timeName]!, level: line.severity! }));

const withoutBreak = (text: string) => text.replace(/\r?\n$/, "");

/** Every way out of the log. */
const outputs: Record<string, (slice: Slice) => Seen[]> = {
  "logs: text": fromText,
  "logs: json": (slice) => fromJsonLines(shown("json", slice), "time"),
  "logs: raw": fromRaw,
  "drain: logplex": fromLogplex,
  "drain: rfc5424": (slice) => fromSyslog(drained("rfc5424", slice)),
  "drain: syslog": (slice) =>
    fromSyslog(strictFrames([slice], { hostname: Buffer.from("d.1"), endsLines: true })),
  "drain: ndjson": (slice) => fromJsonLines(drained("ndjson", slice).toString(), "timestamp"),
  "drain: betterstack": (slice) => fromJsonLines(drained("betterstack", slice).toString(), "dt"),
  "drain: otlp": (slice) => fromOtlp(readOtlp(drained("otlp", slice))),
  "drain: otlp-json": (slice) => fromOtlp(readOtlpJson(drained("otlp-json", slice).toString())),
  "drain: loki": (slice) =>
    parsed("loki", slice).streams.flatMap(({ values }: { values: [string, string, { level: string }][] }) =>
      values.map(([nanos, text, { level }]) => ({ nanos, text, level })),
    ),
  "drain: datadog": (slice) =>
    parsed("datadog", slice).map(({ message, timestamp, status }: JsonLine) => ({
      text: message,
      time: timestamp,
      level: status,
    })),
  "drain: newrelic": (slice) =>
    parsed("newrelic", slice)[0].logs.map(
      ({ message, attributes }: { message: string; attributes: { level: string } }) => ({
        text: message,
        level: attributes.level,
      }),
    ),
  "drain: splunk": (slice) =>
    linesOf(drained("splunk", slice).toString())
      .map((line) => JSON.parse(line))
      .map(({ event, fields }) => ({ text: event, level: fields.severity })),
};

const field = (name: string): Buffer =>
  readFileSync(new URL(`../../fixtures/field/${name}`, import.meta.url));

type Expected = { readonly text: string; readonly time?: string; readonly level?: string };

const time = "2024-05-01T10:00:00.123456+00:00";
const info = { time, level: "info" };

/** Frames from the field, and what their text, time and severity are. */
const cases: readonly (readonly [string, Buffer, readonly Expected[]])[] = [
  [
    "a word in brackets (gin)",
    field("gin.frames"),
    [{ ...info, text: '[GIN] 2024/05/01 - 10:00:00 | 200 | 1.428ms | 192.0.2.7 | GET "/"' }],
  ],
  [
    "brackets that hold a date (Apache's error log)",
    field("apache-error.frames"),
    [{ ...info, text: "[Wed Feb 07 09:08:07.060504 2024] [mod7:alert] [pid 17] what went wrong" }],
  ],
  [
    "values without quotes",
    field("unquoted-data.frames"),
    [{ time, level: "debug", text: "[Origin@6876 sub=Cnx opID=W-34] update done in 7 ms" }],
  ],
  [
    "seven and nine digits of fraction",
    field("long-fractions.frames"),
    [
      { time: "2024-03-02T01:02:03.123456Z", level: "info", text: "nine" },
      { time: "2024-03-02T01:02:03.123456-07:00", level: "info", text: "seven" },
    ],
  ],
  ["no time", field("nil-time.frames"), [{ time: now, level: "notice", text: "no clock here" }]],
  ["a mark of UTF-8", field("byte-order-mark.frames"), [{ ...info, text: '{"level":"info"}' }]],
  ["BSD syslog", field("bsd.frames"), [{ level: "crit", text: "cron: job 7 failed" }]],
  ["doubled blanks", field("doubled-blanks.frames"), [{ ...info, text: "resolved in 480 us" }]],
  [
    "a word in brackets behind nil structured data",
    octetCounted(`<14>1 ${time} h a web.1 - - [GIN] x`),
    [{ ...info, text: "[GIN] x" }],
  ],
  [
    "structured data, and text that looks like more of it",
    octetCounted(`<14>1 ${time} h a web.1 ID [a b="c"] [x] y`),
    [{ ...info, text: "[x] y" }],
  ],
  [
    "a level in brackets where structured data would stand, in a batch that has some",
    Buffer.concat([
      octetCounted(`<14>1 ${time} h a web.1 - [a b="c"] one`),
      octetCounted(`<14>1 ${time} h a web.1 - [INFO] two`),
    ]),
    [
      { ...info, text: "one" },
      { ...info, text: "[INFO] two" },
    ],
  ],
  ["a TIME that is none", octetCounted("<14>1 yesterday h a web.1 - - x"), [{ time: now, text: "x" }]],
  [
    "a PRI that is none",
    octetCounted(`<999>1 ${time} h a web.1 - - x`),
    [{ time, level: "debug", text: "x" }],
  ],
  ["no syslog at all", octetCounted("hello"), [{ time: now, level: "info", text: "hello" }]],
];

describe.each(Object.keys(outputs))("%s", (output) => {
  test.each(cases)("%s", (_, body, expected) => {
    const seen = outputs[output]!(stored(Buffer.from(body)));
    expect(seen.map(({ text }) => text)).toEqual(expected.map(({ text }) => text));
    for (const [n, { time, nanos, level }] of seen.entries()) {
      const right = expected[n]!;
      if (time !== undefined && right.time !== undefined) expect(time).toBe(right.time);
      if (nanos !== undefined && right.time !== undefined) expect(nanos).toBe(String(unixNanos(right.time)));
      if (level !== undefined && right.level !== undefined) expect(level).toBe(right.level);
    }
  });
});

test("filters see the same text", () => {
  for (const [name, body, expected] of cases) {
    const slice = stored(Buffer.from(body));
    const line = new LineCursor().open(slice.bytes, slice.form);
    for (const { text } of expected) {
      const match = `^${text.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&")}$`;
      const compiled = compileFilter({ match });
      if (compiled.kind === "bad") throw new Error(compiled.reason);
      expect(line.next()).toBe(true);
      expect(compiled.filter!.keeps(line), name).toBe(true);
    }
  }
});

test("all outputs agree on the text of any frame, whatever stands before it", () => {
  const fields = fc.constantFrom(
    " - -",
    " - ",
    " ID -",
    ' ID [a b="c"]',
    " [x]",
    " - [x]",
    ' - [a b="c"]',
    "",
  );
  const heads = fc.constantFrom(
    `<14>1 ${time} h a web.1`,
    `<14>1 - h  a web.1`,
    "<34>Feb  3 04:05:06 box",
    "<9>2 x",
    "",
  );
  const words = fc.constantFrom(
    "[",
    "]",
    "x",
    "- ",
    "[y] ",
    '[d e="f"]',
    " ",
    "cron: ",
    "é",
    '"',
    "\\",
    "\uFEFF",
    "=",
  );
  const frame = fc
    .tuple(heads, fields, fc.array(words, { maxLength: 6 }))
    .map(([head, more, text]) => `${head}${more} ${text.join("")}.`);
  fc.assert(
    fc.property(fc.array(frame, { minLength: 1, maxLength: 4 }), (frames) => {
      const slice = stored(Buffer.concat(frames.map(octetCounted)));
      // Sorted, as some formats group the lines by who wrote them; and not all show a blank line.
      const texts = (read: (slice: Slice) => Seen[]) =>
        read(slice)
          .map(({ text }) => text)
          .filter((text) => text.trim() !== "")
          .sort();
      const expected = texts(outputs["logs: json"]!);
      for (const [name, read] of Object.entries(outputs)) expect(texts(read), name).toEqual(expected);
    }),
    { numRuns: 500 },
  );
});
