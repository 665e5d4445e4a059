/** What receivers take in one request by their documentation, no drain exceeds, whatever the lines. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { boundsOf, type FormatName, type ParcelBounds } from "../../../src/drains/destination.ts";
import { sinksFor } from "../../../src/drains/sink-for.ts";
import { DrainSupervisor } from "../../../src/drains/supervisor.ts";
import { drainLimits } from "../../../src/limits.ts";
import type { Sink, Slice, Verdict } from "../../../src/ports.ts";
import { batchOf } from "../../support/batches.ts";
import { octetCounted } from "../../support/frames.ts";
import { kept } from "../../support/kept.ts";
import { openPeer, type Peer } from "../../support/peer.ts";
import { TestServer } from "../../support/server.ts";
import { until } from "../../support/until.ts";
import { drainOf, Rig } from "../rig.ts";
import { never, parcelOfSlices, recording, sinkOf, sinkOptions } from "./parts.ts";

/** Bytes of a body and lines, as docs/destinations.md has them. */
const documented: Partial<Record<FormatName, { readonly bytes: number; readonly lines?: number }>> = {
  loki: { bytes: 4 << 20 },
  datadog: { bytes: 5_000_000, lines: 1_000 },
  newrelic: { bytes: 1_000_000 },
  splunk: { bytes: 1_000_000 },
  betterstack: { bytes: 10 << 20 },
  otlp: { bytes: 20 << 20 },
  "otlp-json": { bytes: 20 << 20 },
};
const formats = Object.keys(documented) as FormatName[];
const linesIn = (format: FormatName, body: Buffer): number => {
  if (format === "splunk") return body.toString().trimEnd().split("\n").length;
  const [first] = JSON.parse(body.toString());
  return first.logs?.length ?? JSON.parse(body.toString()).length;
};

/** What lines may be made of: the first grows sixfold in JSON, the second threefold as it is no UTF-8. */
const fillings = [0x01, 0xff, 0x22, 0x78];

/** As many lines as the bounds allow, all of one kind. */
function fullParcel(format: FormatName, lineBytes: number, filling: number, dynoBytes: number) {
  const bounds: ParcelBounds = boundsOf({ format });
  const bytesMax = Math.min(bounds.bytesMax ?? Infinity, drainLimits.parcelBytesMax);
  const linesMax = Math.min(bounds.linesMax ?? Infinity, drainLimits.parcelLinesMax);
  const frames: Uint8Array[] = [];
  for (let bytes = 0; frames.length < linesMax; ) {
    const frame = octetCounted(
      Buffer.concat([
        Buffer.from(`<190>1 2026-01-02T03:04:05.000006+00:00 host app ${frames.length}.`),
        Buffer.alloc(dynoBytes, filling === 1 ? 0xff : filling), // no control bytes outside of messages
        Buffer.from(" - - "),
        Buffer.alloc(lineBytes, filling),
      ]),
    );
    bytes += frame.length;
    if (bytes > bytesMax && frames.length > 0) break;
    frames.push(frame);
  }
  const slice: Slice = { bytes: Buffer.concat(frames), count: frames.length, form: "rfc5424" };
  return parcelOfSlices(slice);
}

describe.each(formats)("%s", (format) => {
  const { bytes: bytesMax, lines: linesMax = Infinity } = documented[format]!;
  const open = async (): Promise<{ peer: Peer; sink: Sink }> => {
    const peer = kept(await openPeer());
    const appName = async () => "a-name-of-thirty-characters-xxx";
    return { peer, sink: kept(sinkOf(peer.url, { format }, { appName })) };
  };

  test("the fullest parcel of the worst lines is within the limit, or split before it is sent", async () => {
    const { peer, sink } = await open();
    const lineBytes = fc.oneof(fc.nat(300), fc.constantFrom(0, 5_000, 262_000));
    await fc.assert(
      fc.asyncProperty(
        lineBytes,
        fc.constantFrom(...fillings),
        fc.nat(128),
        async (length, filling, dyno) => {
          const before = peer.received.length;
          const parcel = fullParcel(format, length, filling, dyno);
          const verdict = await sink.deliver(parcel, never);
          expect(["delivered", "split"]).toContain(verdict.kind);
          const sent = peer.received.slice(before);
          expect(sent.length).toBe(verdict.kind === "delivered" ? 1 : 0);
          for (const { body } of sent) expect(body.length).toBeLessThanOrEqual(bytesMax);
          expect(parcel.count).toBeLessThanOrEqual(linesMax);
          peer.received.length = 0;
        },
      ),
      {
        numRuns: 12,
        examples: fillings
          .flatMap((filling) => [[0, filling, 120_000] as const, [120_000, filling, 0] as const])
          .map((one) => [...one]),
      },
    );
  });

  test("ordinary lines go out in parcels as full as they may be", async () => {
    const { sink } = await open();
    for (const length of [10, 100, 200, 1_000, 10_000])
      expect(await sink.deliver(fullParcel(format, length, 0x78, 6), never)).toEqual({ kind: "delivered" });
  });
});

test("what makes a request too large is told, with the limit", async () => {
  const peer = kept(await openPeer());
  const place = `127.0.0.1:${peer.port}`;
  const large = fullParcel("newrelic", 250_000, 0x01, 1);
  const sink = kept(sinkOf(peer.url, { format: "newrelic", compression: "gzip" }));
  expect(await sink.deliver(large, never)).toEqual({
    kind: "split",
    reason: expect.stringMatching(
      new RegExp(
        `^${place} takes 1000000 bytes in a request of format newrelic, not 15\\d{5} bytes: log shorter lines$`,
      ),
    ),
  });
  const many = kept(sinkOf(peer.url, { format: "datadog" }));
  const texts = Array.from({ length: 1_001 }, (_, n) => `line ${n}`);
  expect(await many.deliver(parcelOfSlices(batchOf(texts)), never)).toEqual({
    kind: "split",
    reason: `${place} takes 1000 lines in a request of format datadog, not 1001: log shorter lines`,
  });
  expect(peer.received).toEqual([]);
});

describe("a drain cuts its parcels by what its receiver takes", () => {
  /** What came of 20,000 lines over a supervisor, and what the receiver was sent. */
  async function drained(format: FormatName, text: (n: number) => string) {
    const peer = kept(await openPeer());
    const rig = kept(await Rig.open());
    const makeSink = sinksFor(sinkOptions);
    const verdicts: Verdict[] = [];
    const total = 20_000;
    for (let n = 0; n < total; n += 1_000)
      await rig.append(Array.from({ length: 1_000 }, (_, index) => text(n + index)));
    const drain = drainOf(1, { url: peer.url, format });
    await rig.store.put(`drain/${drain.id}`, drain, 0);
    const supervisor = await DrainSupervisor.open({
      ...rig.parts,
      limits: drainLimits,
      receiverFor: boundsOf,
      sinkFor: (record) => recording(makeSink(record), verdicts),
    });
    await rig.until(async () => (await rig.state(drain))?.delivered === total);
    const stopping = supervisor.close();
    await rig.clock.advance(0);
    await stopping;
    return { verdicts, bodies: peer.received.map(({ body }) => body) };
  }

  test("datadog: by lines, 1,000 in a request", async () => {
    const { verdicts, bodies } = await drained("datadog", (n) => `line ${n}`);
    expect(verdicts.filter(({ kind }) => kind !== "delivered")).toEqual([]);
    expect(Math.max(...bodies.map((body) => linesIn("datadog", body)))).toBe(1_000);
  });

  test("newrelic: by bytes, so that short lines are not split either", async () => {
    const { verdicts, bodies } = await drained("newrelic", (n) => `${n}`);
    expect(verdicts.filter(({ kind }) => kind !== "delivered")).toEqual([]);
    expect(Math.max(...bodies.map((body) => body.length))).toBeLessThanOrEqual(1_000_000);
  });

  test("splunk: lines that grow are split before they are sent, and all arrive", async () => {
    const { verdicts, bodies } = await drained("splunk", (n) => `line ${n} ${"\x01".repeat(20)}`);
    expect(new Set(verdicts.map(({ kind }) => kind))).toEqual(new Set(["delivered", "split"]));
    expect(Math.max(...bodies.map((body) => body.length))).toBeLessThanOrEqual(1_000_000);
    const events = bodies.flatMap((body) => body.toString().trimEnd().split("\n"));
    const numbers = events.map((event) => Number(/line (\d+)/.exec(event)![1]));
    expect(numbers).toEqual(Array.from({ length: 20_000 }, (_, n) => n));
  });

  test("the server has them for its drains", async () => {
    const server = await TestServer.start();
    kept({ close: () => server.destroy() });
    let isWell = false;
    const peer = kept(await openPeer(() => (isWell ? 200 : 503)));
    const { id, tokens } = await server.createApp("shop");
    const url = `http://127.0.0.1:${peer.port}/`;
    const drain = await server.api<{ id: string }>("POST", `/apps/${id}/log-drains`, {
      url,
      format: "datadog",
    });
    const total = 4_500;
    const { bytes } = batchOf(Array.from({ length: total }, (_, n) => `line ${n}`));
    const answer = await fetch(`${server.url}/logs`, {
      method: "POST",
      headers: {
        authorization: `Basic ${Buffer.from(`token:${tokens.app}`).toString("base64")}`,
        "content-type": "application/logplex-1",
        "logplex-msg-count": String(total),
      },
      body: bytes,
    });
    expect(answer.status).toBe(204);
    isWell = true;
    const path = `/apps/${id}/log-drains/${drain.id}`;
    await until(async () => (await server.api<{ lag_lines: number }>("GET", path)).lag_lines === 0);
    const taken = peer.received.filter(({ answered }) => answered === "200").map(({ body }) => body);
    const counts = taken.map((body) => linesIn("datadog", body));
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(total);
    expect(Math.max(...counts)).toBe(1_000); // halves of all that waits would be others
  });
});

test("one line alone is sent without any wait: no clock moves", async () => {
  const rig = kept(await Rig.open());
  await rig.work();
  const atMs = rig.clock.nowMs();
  await rig.append(["alone"]);
  for (let turn = 0; turn < 1_000 && rig.received.length === 0; turn++) await new Promise(setImmediate);
  expect(rig.received).toEqual(["alone"]);
  expect([rig.tries[0]!.atMs, rig.clock.nowMs()]).toEqual([atMs, atMs]);
});
