/** What bodies look like: examples first, then what always holds. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { atOnce } from "../../../src/core/scheduling/steps.ts";
import type { FormatName } from "../../../src/drains/destination.ts";
import { bodyFormats } from "../../../src/drains/sinks/formats/all-formats.ts";
import { rejectedIn } from "../../../src/drains/sinks/formats/otlp-model.ts";
import { strictFrames } from "../../../src/drains/sinks/formats/rfc5424.ts";
import { unixNanos } from "../../../src/drains/sinks/formats/text-line.ts";
import type { Slice } from "../../../src/ports.ts";
import { batchOf } from "../../support/batches.ts";
import { octetCounted } from "../../support/frames.ts";
import { type OtlpRequest, otlpAnswer, readOtlp, readOtlpJson } from "../../support/otlp-receiver.ts";
import { SyslogReader } from "../../support/syslog-receiver.ts";
import { sliceWithData } from "./parts.ts";

const context = { drainToken: "d.1", appId: "app-id", appName: "shop", nowMs: 1_700_000_000_000 };
const write = (format: FormatName, ...slices: Slice[]): Buffer =>
  Buffer.concat([atOnce(bodyFormats[format].write(slices, context))].flat());
const json = (format: FormatName, ...slices: Slice[]) => JSON.parse(write(format, ...slices).toString());

const plain: Slice = {
  bytes: octetCounted("<190>1 2024-05-01T10:00:00.123456+00:00 host app web.1 - signed in\n"),
  count: 1,
  form: "logplex",
};
const rich = sliceWithData('<131>1 2024-05-01T10:00:00Z host heroku router H12 [a@1 k="v"] at=error');
const odd = sliceWithData("<999>1 yesterday host app pröc - [none at=all] text");
const counted = (...frames: string[]): string =>
  frames.map((frame) => octetCounted(frame).toString()).join("");

describe("logplex", () => {
  test("stored frames go out as they are, and structured data stays behind", () => {
    expect(write("logplex", plain)).toEqual(plain.bytes);
    expect(write("logplex", plain, rich).toString()).toBe(
      Buffer.from(plain.bytes).toString() +
        counted("<131>1 2024-05-01T10:00:00Z host heroku router - at=error"),
    );
  });
});

describe("rfc5424", () => {
  test("has nil values where the legacy form has nothing", () => {
    expect(write("rfc5424", plain, rich).toString()).toBe(
      counted(
        "<190>1 2024-05-01T10:00:00.123456+00:00 host app web.1 - - signed in\n",
        '<131>1 2024-05-01T10:00:00Z host heroku router H12 [a@1 k="v"] at=error',
      ),
    );
  });
  test("what breaks its rules is mended, and nothing of the text is lost", () => {
    expect(write("rfc5424", odd).toString()).toBe(counted("<15>1 - host app pr??c - - [none at=all] text"));
  });
  test("a syslog drain's frames name the drain and end their lines, which counts", () => {
    const frames = strictFrames([plain, rich], { hostname: Buffer.from("d.1"), endsLines: true }).toString();
    expect(frames).toBe(
      counted(
        "<190>1 2024-05-01T10:00:00.123456+00:00 d.1 app web.1 - - signed in\n",
        '<131>1 2024-05-01T10:00:00Z d.1 heroku router H12 [a@1 k="v"] at=error\n',
      ),
    );
  });
});

test("ndjson is one object a line", () => {
  expect(write("ndjson", plain, rich).toString()).toBe(
    '{"timestamp":"2024-05-01T10:00:00.123456+00:00","app":"shop","source":"app","dyno":"web.1","severity":"info","facility":23,"message":"signed in"}\n' +
      '{"timestamp":"2024-05-01T10:00:00Z","app":"shop","source":"heroku","dyno":"router","severity":"err","facility":16,"message":"at=error","msgid":"H12","structured_data":"[a@1 k=\\"v\\"]"}\n',
  );
});

describe("otlp", () => {
  const expected: OtlpRequest = {
    resourceLogs: [
      {
        resource: {
          attributes: [
            { key: "service.name", value: { stringValue: "shop" } },
            { key: "heroku.app.id", value: { stringValue: "app-id" } },
            { key: "heroku.app.name", value: { stringValue: "shop" } },
            { key: "heroku.dyno.name", value: { stringValue: "web.1" } },
            { key: "heroku.log.source", value: { stringValue: "app" } },
          ],
        },
        scopeLogs: [
          {
            scope: { name: "tailrace" },
            logRecords: [
              {
                timeUnixNano: "1714557600123456000",
                observedTimeUnixNano: "1714557600123456000",
                severityNumber: 9,
                severityText: "info",
                body: { stringValue: "signed in" },
                attributes: [{ key: "syslog.facility", value: { intValue: "23" } }],
              },
            ],
          },
        ],
      },
    ],
  };

  test("is what the official definitions read, in both encodings", () => {
    expect(readOtlp(write("otlp", plain))).toEqual(expected);
    expect(readOtlpJson(write("otlp-json", plain).toString())).toEqual(expected);
  });

  test("groups lines by who wrote them; what they brought are attributes", () => {
    const { resourceLogs } = readOtlp(write("otlp", plain, rich, plain));
    expect(resourceLogs.map(({ scopeLogs }) => scopeLogs[0]!.logRecords.length)).toEqual([2, 1]);
    expect(resourceLogs[1]!.scopeLogs[0]!.logRecords[0]).toMatchObject({
      severityNumber: 17,
      attributes: [
        { key: "syslog.facility", value: { intValue: "16" } },
        { key: "syslog.msgid", value: { stringValue: "H12" } },
        { key: "syslog.structured_data", value: { stringValue: '[a@1 k="v"]' } },
      ],
    });
  });

  test("a time that is none is left out, and the time of sending stands for it", () => {
    const record = readOtlp(write("otlp", odd)).resourceLogs[0]!.scopeLogs[0]!.logRecords[0]!;
    expect(record.timeUnixNano).toBeUndefined();
    expect(record.observedTimeUnixNano).toBe("1700000000000000000");
  });

  test("both encodings say the same of any lines", () => {
    const text = fc.string({ unit: "binary", maxLength: 40 });
    const word = fc.stringMatching(/^[!-Z^-~]{1,12}$/);
    const lines = fc.array(fc.tuple(fc.nat(999), word, word, text), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(lines, (made) => {
        const slice = sliceWithData(
          ...made.map(
            ([pri, source, dyno, said], n) =>
              `<${pri}>1 2024-05-01T10:00:0${n}.5+02:00 host ${source} ${dyno} - - ${said}`,
          ),
        );
        expect(readOtlp(write("otlp", slice))).toEqual(readOtlpJson(write("otlp-json", slice).toString()));
      }),
      { numRuns: 60 },
    );
  });

  describe("rejected lines in an answer", () => {
    const protobuf = (body: Buffer, isCut = false) =>
      rejectedIn({ contentType: "application/x-protobuf", body, isCut });
    const asJson = (body: string, isCut = false) =>
      rejectedIn({ contentType: "application/json; x", body: Buffer.from(body), isCut });

    test("are read in either encoding, with what is said of them", () => {
      expect(protobuf(otlpAnswer(7, "too old"))).toEqual({ lines: 7, said: "too old", isCut: false });
      expect(protobuf(otlpAnswer(0, "a warning"))).toBeUndefined();
      expect(protobuf(Buffer.alloc(0))).toBeUndefined();
      expect(asJson('{"partialSuccess":{"rejectedLogRecords":"12","errorMessage":"x"}}')).toEqual({
        lines: 12,
        said: "x",
        isCut: false,
      });
      expect(asJson('{"partialSuccess":{"rejectedLogRecords":3}}')).toMatchObject({ lines: 3, said: "" });
      expect(
        asJson('{"partialSuccess":{"rejectedLogRecords":"9223372036854775807"}}')?.lines,
      ).toBeGreaterThan(1);
    });

    test("are read as JSON from what begins so, whatever type its server guessed", () => {
      const body = Buffer.from('{"partialSuccess":{"rejectedLogRecords":"12"}}');
      for (const contentType of ["", "text/plain; charset=utf-8", "application/x-protobuf"])
        expect(rejectedIn({ contentType, body, isCut: false })).toMatchObject({ lines: 12 });
    });

    test("are none in what is no such answer", () => {
      for (const body of ["{}", "null", "[]", "{", '{"partialSuccess":{"rejectedLogRecords":-1}}'])
        for (const isCut of [false, true]) expect(asJson(body, isCut)).toBeUndefined();
      const page = Buffer.from(`\n<html>${"x".repeat(9_000)}`);
      expect(rejectedIn({ contentType: "text/html", body: page, isCut: true })).toBeUndefined();
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 60 }), fc.boolean(), (bytes, isCut) => {
          const { lines = 1 } = protobuf(Buffer.from(bytes), isCut) ?? {};
          expect(lines).toBeGreaterThanOrEqual(1);
        }),
      );
    });

    test("of an answer that was cut are as many as can be read, or of an unknown number", () => {
      const message = "é".repeat(30);
      const first = `{"partialSuccess":{"rejectedLogRecords":"12","errorMessage":"${message}"}}`;
      const last = `{"partialSuccess":{"errorMessage":"${message}","rejectedLogRecords":"12"}}`;
      const known = first.indexOf('12"') + 3;
      for (let at = '{"partialSuccess":{'.length; at < first.length; at++) {
        expect(asJson(first.slice(0, at), true)?.lines).toBe(at < known ? undefined : 12);
        expect(asJson(first.slice(0, at), true)?.said).toBe(message.slice(0, Math.max(0, at - known - 17)));
        const found = asJson(last.slice(0, at), true);
        expect(found).toBeDefined();
        expect([undefined, 12]).toContain(found!.lines);
      }
      const whole = otlpAnswer(300, message);
      for (let at = 2; at < whole.length; at++) {
        const found = protobuf(whole.subarray(0, at), true)!;
        expect(found.lines).toBe(at < 5 ? undefined : 300);
        expect(message.startsWith(found.said.replaceAll("\ufffd", ""))).toBe(true);
      }
    });
  });
});

test("loki gets a stream for each source and dyno", () => {
  expect(json("loki", plain, rich, plain)).toEqual({
    streams: [
      {
        stream: { service_name: "shop", app: "shop", source: "app", dyno: "web.1" },
        values: [
          ["1714557600123456000", "signed in", { level: "info" }],
          ["1714557600123456000", "signed in", { level: "info" }],
        ],
      },
      {
        stream: { service_name: "shop", app: "shop", source: "heroku", dyno: "router" },
        values: [["1714557600000000000", "at=error", { level: "err" }]],
      },
    ],
  });
});

test("datadog gets an array of its reserved attributes", () => {
  expect(json("datadog", rich)).toEqual([
    {
      ddsource: "heroku",
      ddtags: "app:shop,source:heroku,dyno:router",
      hostname: "router",
      service: "shop",
      status: "err",
      timestamp: "2024-05-01T10:00:00Z",
      message: "at=error",
    },
  ]);
});

test("new relic gets what lines have in common once", () => {
  expect(json("newrelic", plain)).toEqual([
    {
      common: { attributes: { "service.name": "shop", "heroku.app.id": "app-id", logtype: "heroku" } },
      logs: [
        {
          timestamp: 1_714_557_600_123,
          message: "signed in",
          attributes: { source: "app", dyno: "web.1", level: "info" },
        },
      ],
    },
  ]);
});

test("splunk gets event objects", () => {
  const [event] = write("splunk", plain).toString().trimEnd().split("\n");
  expect(JSON.parse(event!)).toEqual({
    time: "1714557600.123456",
    host: "web.1",
    source: "app",
    event: "signed in",
    fields: { app: "shop", dyno: "web.1", severity: "info" },
  });
});

test("times keep their last digit", () => {
  expect(unixNanos("2024-05-01T12:00:00.123456789+02:00")).toBe(1_714_557_600_123_456_789n);
  expect(unixNanos("2024-05-01T10:00:00Z")).toBe(1_714_557_600_000_000_000n);
  for (const none of [
    "-",
    "yesterday",
    "2024-13-01T10:00:00Z",
    "1969-12-31T23:59:59Z",
    "2024-05-01 10:00:00",
  ]) {
    expect(unixNanos(none)).toBeUndefined();
  }
});

test("any line that the log holds becomes a frame that a strict reader takes, with all of its text", () => {
  const field = fc.string({ unit: "binary", minLength: 1, maxLength: 150 }).map((text) => {
    const bytes = Buffer.from(text).map((byte) => (byte <= 0x20 || byte === 0x7f ? 0x61 : byte));
    return Buffer.from(bytes).toString("latin1");
  });
  const data = fc.constantFrom(
    "-",
    '[a b="c"]',
    "[x]",
    '[a b="c"][d e="\\]"]',
    "[a b=c]",
    '[a  b="c"]',
    "[]",
  );
  const line = fc.tuple(fc.nat(999), field, field, field, field, data, fc.string({ maxLength: 60 }));
  fc.assert(
    fc.property(fc.array(line, { minLength: 1, maxLength: 5 }), (lines) => {
      const frames = lines.map(([pri, time, source, process, msgid, sd, message]) =>
        octetCounted(
          Buffer.from(`<${pri}>1 ${time} host ${source} ${process} ${msgid} ${sd} ${message}`, "latin1"),
        ),
      );
      const slice: Slice = { bytes: Buffer.concat(frames), count: lines.length, form: "rfc5424" };
      const reader = new SyslogReader();
      reader.push(strictFrames([slice], { hostname: Buffer.from("d.1"), endsLines: true }));
      expect(reader.frames.length).toBe(lines.length);
      for (const [n, { message, data: kept, pri }] of reader.frames.entries()) {
        expect(pri).toBeLessThanOrEqual(191);
        const text = Buffer.from(lines[n]![6], "latin1").toString();
        expect(message.endsWith(text.endsWith("\n") ? text : `${text}\n`)).toBe(true);
        if (lines[n]![5] !== kept) expect(message.startsWith(`${lines[n]![5]} `)).toBe(true);
      }
    }),
    { numRuns: 100 },
  );
});

test("every format takes every parcel of the legacy form", () => {
  for (const format of Object.keys(bodyFormats) as FormatName[]) {
    const body = write(format, batchOf(["one", "two"]));
    expect(body.includes("one") && body.includes("two"), format).toBe(true);
  }
});
