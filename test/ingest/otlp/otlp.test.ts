import zlib, { gzipSync } from "node:zlib";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { CanonicalLines } from "../../../src/core/batch/batch.ts";
import { atOnce } from "../../../src/core/scheduling/steps.ts";
import { MalformedOtlp, visitJson } from "../../../src/core/wire/otlp-json.ts";
import type { OtlpOrigin, OtlpRecord } from "../../../src/core/wire/otlp-logs.ts";
import { visitProtobuf } from "../../../src/core/wire/otlp-protobuf.ts";
import { MalformedProtobuf } from "../../../src/core/wire/protobuf-fields.ts";
import { bodyFormats } from "../../../src/drains/sinks/formats/all-formats.ts";
import { storeFull } from "../../../src/errors/store.ts";
import { frameOf } from "../../../src/ingest/otlp/otlp-frames.ts";
import { readOtlpAnswer, readOtlpStatus, writeOtlp } from "../../support/otlp-receiver.ts";
import { channelOf, tokenOf } from "../registry.ts";
import { type OtlpDoor, openOtlpDoor } from "./otlp-door.ts";

const app = channelOf(1);
const protobuf = { "content-type": "application/x-protobuf" };
const json = { "content-type": "application/json" };
let door: OtlpDoor;
beforeEach(async () => {
  door = await openOtlpDoor();
});
afterEach(() => door.close());

const text = (stringValue: string) => ({ stringValue });
const record = (message: string, more: object = {}) => ({
  timeUnixNano: "1767322800123456789",
  severityNumber: 9,
  body: text(message),
  ...more,
});
const requestOf = (records: readonly object[], attributes: readonly object[] = []) => ({
  resourceLogs: [{ resource: { attributes }, scopeLogs: [{ scope: { name: "lib" }, logRecords: records }] }],
});
const service = [
  { key: "service.name", value: text("shop") },
  { key: "service.instance.id", value: text("7") },
];

describe.each([
  ["protobuf", protobuf, (request: object) => writeOtlp(request)],
  ["JSON", json, (request: object) => Buffer.from(JSON.stringify(request))],
] as const)("a request in %s", (name, headers, write) => {
  test("is 200 with an empty answer when every record is durable", async () => {
    const response = await door.post(
      "/v1/logs",
      write(requestOf([record("a"), record("b")], service)),
      headers,
    );
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe(headers["content-type"]);
    expect(await response.text()).toBe(name === "JSON" ? "{}" : "");
    expect(door.log.messages(app)).toEqual(["a", "b"]);
    expect(door.log.lines(app)[0]).toBe('app shop.7 - [otel@32473 scope="lib"]|a');
  });

  test("keeps attributes, ids and the event's name", async () => {
    const attributes = [
      { key: "user id", value: { intValue: "12" } },
      { key: "quoted", value: text('a "b" \\ ]') },
      { key: "list", value: { arrayValue: { values: [{ doubleValue: 1.5 }, { boolValue: true }] } } },
      { key: "map", value: { kvlistValue: { values: [{ key: "k", value: text("v") }] } } },
    ];
    const traceId = "5b8efff798038103d269b633813fc60c";
    const spanId = "eee19b7ec3c1b174";
    const bytes = (hex: string) => (name === "JSON" ? hex : Buffer.from(hex, "hex"));
    const found = record("x", { attributes, traceId: bytes(traceId), spanId: bytes(spanId), flags: 1 });
    const shared = [...service, { key: "host.name", value: text("box1") }];
    await door.post("/v1/logs", write(requestOf([{ ...found, eventName: "paid" }], shared)), headers);
    expect(door.log.lines(app)).toEqual([
      `app shop.7 paid [otel@32473 trace_id="${traceId}" span_id="${spanId}" trace_flags="01" scope="lib"]` +
        '[attributes@32473 user_id="12" quoted="a \\"b\\" \\\\ \\]" list="[1.5,true\\]" map="{\\"k\\":\\"v\\"}"]' +
        '[resource@32473 host.name="box1"]|x',
    ]);
  });

  test("whose body is no text is kept as JSON", async () => {
    const body = { kvlistValue: { values: [{ key: "a", value: { intValue: "1" } }] } };
    await door.post("/v1/logs", write(requestOf([record("", { body })])), headers);
    expect(door.log.messages(app)).toEqual(['{"a":1}']);
  });

  test("with a record that is too long tells how many were rejected, and stores the others", async () => {
    const long = "x".repeat(256 * 1024);
    const response = await door.post(
      "/v1/logs",
      write(requestOf([record("a"), record(long), record("b")])),
      headers,
    );
    expect(response.status).toBe(200);
    expect(readOtlpAnswer(Buffer.from(await response.arrayBuffer()), name === "JSON")).toMatchObject({
      rejectedLogRecords: "1",
      errorMessage: expect.stringContaining("256 KiB"),
    });
    expect(door.log.messages(app)).toEqual(["a", "b"]);
  });

  test("that is refused is answered with a status in its own encoding", async () => {
    const status = async (response: Response) => ({
      status: response.status,
      ...readOtlpStatus(Buffer.from(await response.arrayBuffer()), name === "JSON"),
    });
    const body = write(requestOf([record("a")]));
    expect(
      await status(await door.post("/v1/logs", body, { ...headers, authorization: "Bearer t.x" })),
    ).toMatchObject({ status: 401, code: 16 });
    expect(
      await status(await door.post("/v1/logs", body, { ...headers, authorization: "Bearer everything" })),
    ).toMatchObject({ status: 403, code: 7 });
    expect(await status(await door.post("/v1/logs", Buffer.from([0x0a, 0xff, 0x7b]), headers))).toMatchObject(
      { status: 400, code: 3 },
    );
    expect(
      await status(await door.post("/v1/logs", body, { ...headers, "content-encoding": "br" })),
    ).toMatchObject({ status: 415 });
    door.log.failures.push(storeFull(undefined));
    const full = await door.post("/v1/logs", body, headers);
    expect(full.headers.get("retry-after")).toBe("5");
    expect(await status(full)).toMatchObject({
      status: 503,
      code: 14,
      message: expect.stringContaining("full"),
    });
    expect(door.log.lines()).toEqual([]);
  });
});

test("Basic does as well as Bearer, another content type is 415, an empty request 200", async () => {
  const basic = `Basic ${Buffer.from(`token:${tokenOf(1)}`).toString("base64")}`;
  expect(
    (await door.post("/v1/logs", writeOtlp(requestOf([record("a")])), { ...protobuf, authorization: basic }))
      .status,
  ).toBe(200);
  expect((await door.post("/v1/logs", "x", { "content-type": "text/plain" })).status).toBe(415);
  expect((await door.post("/v1/logs", Buffer.alloc(0), protobuf)).status).toBe(200);
  expect(
    (await door.post("/v1/logs", "{}", { "content-type": "application/json; charset=utf-8" })).status,
  ).toBe(200);
  expect(door.log.messages(app)).toEqual(["a"]);
});

test("gzip is inflated within the bound of a body, and so is zstd where Node has it", async () => {
  const body = writeOtlp(requestOf([record("a")]));
  const bomb = Buffer.alloc(9_000_000);
  const { zstdCompressSync } = zlib as { zstdCompressSync?: (bytes: Buffer) => Buffer };
  const zstd = zstdCompressSync ?? (() => Buffer.alloc(0));
  const cases = [
    ["gzip", gzipSync],
    ...(zstdCompressSync === undefined ? [] : [["zstd", zstd] as const]),
  ] as const;
  for (const [coding, compress] of cases) {
    const headers = { ...protobuf, "content-encoding": coding };
    expect((await door.post("/v1/logs", compress(body), headers)).status).toBe(200);
    expect((await door.post("/v1/logs", compress(bomb), headers)).status).toBe(413);
    expect((await door.post("/v1/logs", body, headers)).status).toBe(400); // not compressed at all
  }
  if (zstdCompressSync === undefined)
    expect((await door.post("/v1/logs", body, { ...protobuf, "content-encoding": "zstd" })).status).toBe(415);
  expect(door.log.messages(app)).toEqual(cases.map(() => "a"));
});

test("records of one body and a body of JSON have bounds", async () => {
  await door.close();
  door = await openOtlpDoor({ framesMax: 3 });
  const many = requestOf([1, 2, 3, 4].map((n) => record(`n ${n}`)));
  expect((await door.post("/v1/logs", writeOtlp(many), protobuf)).status).toBe(413);
  const large = JSON.stringify(requestOf([record("x".repeat(2_000_000))]));
  expect((await door.post("/v1/logs", large, json)).status).toBe(413);
  expect(door.log.lines()).toEqual([]);
});

const origin: OtlpOrigin = { resource: [], scope: "" };
const seen = (body: Buffer): { record: OtlpRecord; origin: OtlpOrigin }[] => {
  const all: { record: OtlpRecord; origin: OtlpOrigin }[] = [];
  atOnce(visitProtobuf(body, (record, origin) => void all.push({ record: record!, origin })));
  return all;
};

const jsonOf = (request: unknown): Buffer => Buffer.from(JSON.stringify(request));

const firstOf = (body: Buffer): OtlpRecord => seen(body)[0]!.record;

test.each([
  [1, 7],
  [5, 7],
  [9, 6],
  [10, 5],
  [13, 4],
  [17, 3],
  [18, 2],
  [19, 1],
  [21, 0],
  [24, 0],
  [0, 6],
  [99, 6],
])("severity %i is %i of syslog", (severity, expected) => {
  const found = firstOf(writeOtlp(requestOf([record("x", { severityNumber: severity })])));
  expect(frameOf(found, origin, 0)).toMatch(
    new RegExp(`^<${184 + expected}>1 2026-01-02T03:00:00\\.123456\\+00:00 - - - - - x$`),
  );
});

test("the severity's text counts where there is no number; a time of zero is that of acceptance", () => {
  const found = firstOf(writeOtlp(requestOf([{ severityText: "WARN", body: text("x") }])));
  expect(frameOf(found, origin, 0)).toBe("<188>1 1970-01-01T00:00:00.000Z - - - - - x");
});

test("any request is read as the official definitions wrote it, in both encodings", () => {
  const value: fc.Arbitrary<object> = fc.oneof(
    fc.string().map((stringValue) => ({ stringValue })),
    fc.boolean().map((boolValue) => ({ boolValue })),
    fc.maxSafeInteger().map((n) => ({ intValue: String(n) })),
    // JSON.stringify writes -0 as 0.
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((double) => ({ doubleValue: double + 0 })),
  );
  const attributes = fc.array(fc.record({ key: fc.string(), value }), { maxLength: 4 });
  const records = fc.array(
    fc.record({
      timeUnixNano: fc.bigInt({ min: 0n, max: 2n ** 63n }).map(String),
      severityNumber: fc.integer({ min: 0, max: 24 }),
      severityText: fc.string(),
      body: value,
      attributes,
      flags: fc.nat(2 ** 31),
    }),
    { maxLength: 5 },
  );
  fc.assert(
    fc.property(records, attributes, (records, attributes) => {
      const request = requestOf(records, attributes);
      const inProtobuf = seen(writeOtlp(request));
      const inJson: typeof inProtobuf = [];
      atOnce(visitJson(jsonOf(request), (record, origin) => void inJson.push({ record: record!, origin })));
      expect(inJson).toEqual(inProtobuf);
      expect(inProtobuf).toHaveLength(records.length);
      expect(inProtobuf.map(({ record }) => record.severityText)).toEqual(records.map((r) => r.severityText));
    }),
  );
});

test("any bytes are records or malformed, whatever is damaged in a good request", () => {
  const good = writeOtlp(requestOf([record("a", { attributes: service }), record("b")], service));
  const damaged = fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    fc.tuple(fc.nat(good.length - 1), fc.nat(255)).map(([at, byte]) => {
      const copy = Buffer.from(good);
      copy[at] = byte;
      return copy;
    }),
    fc.nat(good.length).map((end) => good.subarray(0, end)),
  );
  fc.assert(
    fc.property(damaged, (bytes) => {
      try {
        for (const { record, origin } of seen(Buffer.from(bytes))) frameOf(record, origin, 0);
      } catch (error) {
        expect(error).toBeInstanceOf(MalformedProtobuf);
      }
    }),
    { numRuns: 2_000 },
  );
});

test("any JSON is records or malformed", () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
      for (const request of [
        a,
        { resourceLogs: a },
        { resourceLogs: [{ resource: a, scopeLogs: [{ logRecords: [b] }] }] },
      ])
        try {
          atOnce(visitJson(jsonOf(request), (record, origin) => void frameOf(record!, origin, 0)));
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedOtlp);
        }
    }),
  );
});

test("records with more values than a line holds are rejected and counted, the others stored", async () => {
  const many = Array.from({ length: 10_001 }, (_, n) => ({ key: `${n}`, value: { intValue: "1" } }));
  const values = { arrayValue: { values: many.map(({ value }) => value) } };
  const shared = requestOf([record("shared by its resource")], many);
  const own = requestOf([
    record("own", { attributes: many }),
    record("in", { body: values }),
    record("good"),
  ]);
  for (const request of [shared, own]) {
    const inJson = await door.post("/v1/logs", JSON.stringify(request), json);
    const { partialSuccess } = (await inJson.json()) as { partialSuccess: { rejectedLogRecords: string } };
    expect(partialSuccess.rejectedLogRecords).toBe(request === own ? "2" : "1");
    expect((await door.post("/v1/logs", writeOtlp(request), protobuf)).status).toBe(200);
  }
  expect(door.log.messages(app)).toEqual(["good", "good"]);
});

test("whatever a body has millions of, others have turns, and it takes no memory", () => {
  const empty = (field: number, count: number) => Buffer.alloc(2 * count, Buffer.from([(field << 3) | 2, 0]));
  const inside = (field: number, content: Buffer) => {
    const head = Buffer.from([(field << 3) | 2, 0x80, 0x80, 0x80, 0x80, 0]);
    for (let at = 1, rest = content.length; at < 5; at++, rest >>= 7) head[at] = 0x80 | (rest & 0x7f);
    return Buffer.concat([head, content]);
  };
  const count = 300_000;
  for (const body of [
    empty(1, count),
    inside(1, empty(2, count)),
    inside(1, empty(3, count)),
    inside(1, inside(2, empty(2, count))),
    inside(1, inside(2, empty(9, count))),
  ]) {
    let pauses = 0;
    for (const steps = visitProtobuf(body, () => {}); steps.next().done !== true; ) pauses++;
    expect(pauses).toBeGreaterThanOrEqual(count);
  }
  const within = (content: Buffer) =>
    seen(inside(1, inside(2, inside(2, content)))).map(({ record }) => record);
  expect(within(empty(6, count))).toEqual([undefined]);
  // Fields that mean nothing, or mean something once, are counted as well.
  for (const field of [1, 5, 15]) {
    expect(within(inside(5, empty(field, 25_000)))).toEqual([undefined]);
    expect(within(inside(5, empty(field, 20_000)))).toHaveLength(1);
    expect(within(inside(5, empty(field, 20_000)))).not.toContain(undefined);
  }
});

test("times in protobuf are whole, however long their varints are", () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.nat(10), (nanos, more) => {
      const varint: number[] = [];
      for (let rest = nanos; rest > 0n || varint.length === 0; rest >>= 7n) varint.push(Number(rest & 0x7fn));
      while (varint.length < more) varint.push(0);
      const field = [8, ...varint.map((septet, at) => (at < varint.length - 1 ? septet | 0x80 : septet))];
      const wrap = (tag: number, inner: readonly number[]) => [tag, inner.length, ...inner];
      const wrapped = wrap(10, wrap(18, wrap(18, field)));
      expect(seen(Buffer.from(wrapped)).map(({ record }) => record?.timeNanos)).toEqual([nanos]);
    }),
  );
});

test("values inside of values have a depth", () => {
  let value: object = { stringValue: "deep" };
  for (let depth = 0; depth < 500; depth++) value = { arrayValue: { values: [value] } };
  const request = requestOf([record("", { body: value })]);
  expect(JSON.stringify(firstOf(writeOtlp(request)).body)).toBe(`${"[".repeat(15)}null${"]".repeat(15)}`);
});

test("lines that our own OTLP drain wrote come back as they were", async () => {
  const sent = [
    `<131>1 2026-01-02T03:04:05.123456+00:00 host app web.1 ID [a b="c"] hello`,
    `<46>1 2026-01-02T03:04:05.654321+00:00 host app web.1 - - wörld`,
  ];
  const bytes = Buffer.from(sent.map((line) => `${Buffer.byteLength(line)} ${line}`).join(""));
  const slice: CanonicalLines = { bytes, count: 2, form: "rfc5424" };
  const body = atOnce(
    bodyFormats.otlp.write([slice as never], { drainToken: "d", appId: "id", appName: "shop", nowMs: 0 }),
  );
  const response = await door.post("/v1/logs", Buffer.concat([body].flat()), protobuf);
  expect(response.status).toBe(200);
  expect(Buffer.from(door.log.stored[0]!.batch.bytes).toString()).toBe(bytes.toString());
});
