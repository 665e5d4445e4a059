/** Bodies of some kilobytes that are millions of bytes of lines: what is made of them is counted as it is made. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Reservation } from "../../src/ingest/bodies/body-budget.ts";
import { type OtlpDoor, openOtlpDoor } from "../ingest/otlp/otlp-door.ts";
import { tokenOf } from "../ingest/registry.ts";
import { writeOtlp } from "../support/otlp-receiver.ts";

/** Lines may be this much longer than their body before only one may grow. */
const growthBytesMax = 256 * 1024;
/** A pause comes after 64 frames. */
const stepBytesMax = 64 * 512;

const long = `process=${"p".repeat(128)}`;
const shared = { attributes: [{ key: "k", value: { stringValue: "r".repeat(30_000) } }] };
const records = { resourceLogs: [{ resource: shared, scopeLogs: [{ logRecords: Array(300).fill({}) }] }] };
const key = { authorization: `Basic ${Buffer.from("router:everything").toString("base64")}` };

const frame = `<13>1 - - ${tokenOf(1)} - - x`;
const named = `${frame.length} ${frame}`;

type Kind = readonly [name: string, path: string, type: string, body: string | Buffer, headers: object];
const kinds: readonly Kind[] = [
  ["empty lines of text", `/logs?${long}`, "text/plain", "\n".repeat(30_000), {}],
  ["values of NDJSON", `/logs?${long}`, "application/x-ndjson", "1\n".repeat(30_000), {}],
  ["values of JSON", `/logs?${long}`, "application/json", `[${"1,".repeat(30_000)}1]`, {}],
  ["short frames", "/logs", "application/logplex-1", "8 <13>1 - ".repeat(30_000), {}],
  ["short frames, with a key", "/logs", "application/logplex-1", named.repeat(30_000), key],
  ["records of OTLP", "/v1/logs", "application/x-protobuf", writeOtlp(records), {}],
  ["records of OTLP in JSON", "/v1/logs", "application/json", JSON.stringify(records), {}],
];

let door: OtlpDoor;
beforeEach(async () => {
  door = await openOtlpDoor();
});
afterEach(async () => {
  vi.restoreAllMocks();
  await door.close();
});

const post = ([, path, type, body, headers]: Kind) =>
  door.post(path, body, { "content-type": type, ...headers });

test.each(kinds)("%s: what is stored was counted before", async (...kind: Kind) => {
  const holdLines = vi.spyOn(Reservation.prototype, "holdLines");
  expect((await post(kind)).ok).toBe(true);
  const stored = door.log.stored.reduce((bytes, { batch }) => bytes + batch.bytes.length, 0);
  const [, , , body] = kind;
  expect(stored).toBeGreaterThan(growthBytesMax);
  const counted = Math.max(...holdLines.mock.calls.map(([bytes]) => bytes));
  expect(counted + body.length).toBeGreaterThanOrEqual(stored - stepBytesMax);
  expect(door.options.queues.budget.bytes).toBe(0);
});

test.each(kinds)("%s: one body grows at a time, and all are stored", async (...kind: Kind) => {
  const growing = new Set<Reservation>();
  let most = 0;
  const { holdLines, release } = Reservation.prototype;
  vi.spyOn(Reservation.prototype, "holdLines").mockImplementation(function (
    this: Reservation,
    bytes,
    bodyBytes,
  ) {
    const waiting = holdLines.call(this, bytes, bodyBytes);
    const grow = () => {
      if (bytes <= bodyBytes + growthBytesMax) return;
      growing.add(this);
      most = Math.max(most, growing.size);
    };
    if (waiting === undefined) grow();
    return waiting?.then(grow);
  });
  vi.spyOn(Reservation.prototype, "release").mockImplementation(function (this: Reservation) {
    growing.delete(this);
    release.call(this);
  });
  const answers = await Promise.all(Array.from({ length: 6 }, () => post(kind)));
  expect(answers.map(({ ok }) => ok)).toEqual(Array(6).fill(true));
  expect(most).toBe(1);
  expect(growing.size).toBe(0);
  expect(door.options.queues.budget.bytes).toBe(0);
});
