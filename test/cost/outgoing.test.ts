/**
 * Work on the way out, counted: what a line and a parcel cost in memory, promises, timers and writes. No machine's speed
 * decides. Each ceiling stands beside the figure of the day when it was set; a change that needs more of something says why.
 */
import { type AddressInfo, createServer, Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, test, vi } from "vitest";
import { Canoniser } from "../../src/core/batch/canonical.ts";
import { compileFilter, Preselection } from "../../src/core/filter/line-filter.ts";
import { formatBatch } from "../../src/core/format/format.ts";
import { origin } from "../../src/core/position.ts";
import { BufferPool } from "../../src/drains/sinks/buffers.ts";
import { strictFrames } from "../../src/drains/sinks/formats/rfc5424.ts";
import { AnswerReader } from "../../src/drains/sinks/http/answer-reader.ts";
import type { Slice } from "../../src/ports.ts";
import { never, parcelOf, sinkOf } from "../drains/sinks/parts.ts";
import { countedIn } from "./counting.ts";

const closing: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  for (const close of closing.splice(0).reverse()) await close();
});

const lines = 10_000;
const hostname = Buffer.from("d.01234567-89ab-cdef-0123-456789abcdef");

/** A batch as ingest makes it, of lines of 200 bytes. */
function batch(): Slice {
  const canoniser = new Canoniser("app");
  const frame = Buffer.from(`<190>1 2026-01-02T03:04:05.000006+00:00 h app web.1 - - ${"x".repeat(140)}`);
  for (let line = 0; line < lines; line++) canoniser.add(frame, 0, frame.length, 0);
  return canoniser.take();
}

/**
 * Bytes of V8's heap that `work` takes, in the best of several times: the collector only ever makes it look like less or
 * more. Code that is not compiled yet makes an object for each number, and a busy machine takes long to compile.
 */
async function heapBytes(work: () => void): Promise<number> {
  for (let time = 0; time < 20; time++) {
    work();
    await sleep(5);
  }
  let best = Number.POSITIVE_INFINITY;
  for (let time = 0; time < 15; time++) {
    const before = process.memoryUsage().heapUsed;
    work();
    const taken = process.memoryUsage().heapUsed - before;
    if (taken >= 0) best = Math.min(best, taken);
  }
  return best;
}

test("a line is framed for syslog without an object of its own, in memory that is used again", async () => {
  const slice = batch();
  let taken = 0;
  const pool = new BufferPool(1 << 26);
  const buffers = {
    take: (bytes: number) => {
      taken++;
      return pool.take(bytes);
    },
    give: (buffer: Buffer) => pool.give(buffer),
  };
  const work = () => buffers.give(strictFrames([slice], { hostname, endsLines: true, buffers }));
  expect((await heapBytes(work)) / lines).toBeLessThan(16); // 0.8
  taken = 0;
  work();
  expect(taken).toBe(1); // of a known size: nothing is copied because it grew
});

test("text for a tail is made of a batch in one buffer", async () => {
  const slice = batch();
  const work = () => formatBatch({ ...slice, at: origin }, { format: "text", transport: "plain" });
  expect((await heapBytes(work)) / lines).toBeLessThan(16); // 0.4: the text itself lies outside of the heap
});

test("a filter by source and process looks at places, and makes nothing for a line", async () => {
  const slice = batch();
  const compiled = compileFilter({ sources: ["app"], dynos: ["web"] });
  if (compiled.kind === "bad") throw new Error(compiled.reason);
  const work = () => void new Preselection(slice, compiled.filter!).go(() => false);
  expect((await heapBytes(work)) / lines).toBeLessThan(4); // 0.1: which lines are kept lies outside of the heap
});

test("a parcel of one line over syslog costs one write, few promises, and no timer or listener of its own", async () => {
  let bytes = 0;
  const server = createServer((socket) =>
    socket.on("data", (data) => {
      bytes += data.length;
    }),
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(() => new Promise((resolve) => server.close(resolve)));
  const sink = sinkOf(
    `syslog://127.0.0.1:${(server.address() as AddressInfo).port}`,
    {},
    { attemptMsMax: 10_000 },
  );
  closing.push(() => sink.close());
  expect(await sink.deliver(parcelOf("first"), never)).toEqual({ kind: "delivered" });
  const listeners = vi.spyOn(EventTarget.prototype, "addEventListener");
  for (let n = 0; n < 10; n++) await sink.deliver(parcelOf(`alone ${n}`), never, () => {});
  expect(listeners).toHaveBeenCalledTimes(0); // all of a drain's parcels come with the same signal

  const parcels = 1_000;
  const writes = vi.spyOn(Socket.prototype, "write");
  const made = await countedIn(async () => {
    const settled: Promise<unknown>[] = [];
    for (let n = 0; n < parcels; n++) {
      const parcel = parcelOf(`line ${n}`);
      await new Promise<void>((sent) => settled.push(sink.deliver(parcel, never, sent)));
    }
    await Promise.all(settled);
  });
  expect(writes).toHaveBeenCalledTimes(parcels);
  expect(made("PROMISE") / parcels).toBeLessThan(6); // 4, of which 3 are this test's
  expect(made("Timeout") / parcels).toBeLessThan(0.2); // one walk settles all that stood long enough
  await expect.poll(() => bytes).toBeGreaterThan(parcels * 60); // the receiver reads in turns of the same event loop
});

test("a parcel over HTTP costs one write, few promises, one timer, and nothing for an answer that is known", async () => {
  const server = createServer((socket) =>
    socket.on("data", () => socket.write("HTTP/1.1 204 No Content\r\nDate: now\r\n\r\n")),
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(() => new Promise((resolve) => server.close(resolve)));
  const sink = sinkOf(
    `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    {},
    { attemptMsMax: 10_000 },
  );
  closing.push(() => sink.close());
  expect(await sink.deliver(parcelOf("first"), never)).toEqual({ kind: "delivered" });

  const parcels = 1_000;
  const ready = Array.from({ length: parcels }, (_, n) => parcelOf(`line ${n}`));
  const read = vi.spyOn(AnswerReader.prototype, "push");
  const writes = vi.spyOn(Socket.prototype, "write");
  let ours = 0;
  const made = await countedIn(async () => {
    for (const parcel of ready) await sink.deliver(parcel, never);
    ours = writes.mock.calls.filter(([data]) => Buffer.isBuffer(data)).length;
  });
  expect(ours).toBe(parcels); // the server's answers are strings
  expect(read).toHaveBeenCalledTimes(0);
  expect(made("PROMISE") / parcels).toBeLessThan(10); // 8, of which 1 is this test's
  expect(made("Timeout") / parcels).toBeLessThan(1.5); // 1, the attempt's
});
