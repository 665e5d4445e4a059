/** Drains of several apps to one URL, each with certificates of its own, share neither connection nor TLS session. */
import type { TLSSocket } from "node:tls";
import { afterEach, expect, test } from "vitest";
import { sinksFor } from "../../../src/drains/sink-for.ts";
import type { DrainRecord } from "../../../src/registry/records.ts";
import { channelOf } from "../../support/batches.ts";
import { onRequests, said } from "../../support/raw-http.ts";
import { openRawPeer, type RawPeer } from "../../support/raw-peer.ts";
import { ca, clientTls, serverTls } from "../../support/tls.ts";
import { drainOf } from "../rig.ts";
import { never, parcelOf, sinkOptions } from "./parts.ts";

const opened: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});

/** What came over one connection. */
type Seen = { readonly client: string; readonly isReused: boolean; bytes: Buffer };

async function openAsking(answers: boolean): Promise<{ peer: RawPeer; seen: Seen[] }> {
  const seen: Seen[] = [];
  const tls = { ...serverTls, ca, requestCert: true, rejectUnauthorized: false };
  const peer = await openRawPeer(
    (socket) => {
      const secure = socket as TLSSocket;
      const client = String(secure.getPeerCertificate().subject?.CN ?? "nobody");
      const one = { client, isReused: secure.isSessionReused(), bytes: Buffer.alloc(0) };
      seen.push(one);
      socket.on("data", (chunk: Buffer) => {
        one.bytes = Buffer.concat([one.bytes, chunk]);
      });
      if (answers) onRequests(socket, () => socket.write(said(200)));
    },
    { tls },
  );
  opened.push(peer);
  return { peer, seen };
}

/** Certificates of three apps, and whom the receiver takes them for. */
const shows: readonly (readonly [string, Partial<DrainRecord>])[] = [
  ["nobody", { ca }],
  ["drain client", { ca, ...clientTls }],
  ["localhost", { ca, ...serverTls }],
];

test.each(["https", "syslog+tls"])("%s", async (scheme) => {
  const { peer, seen } = await openAsking(scheme === "https");
  const url = `${scheme}://localhost:${peer.port}`;
  const sinkFor = sinksFor(sinkOptions);
  const sinks = shows.map(([, given], n) =>
    sinkFor(drainOf(n + 1, { url, channel: channelOf(n + 1), ...given })),
  );
  opened.push(...sinks);
  for (const round of [1, 2])
    for (const [n, sink] of sinks.entries())
      expect(await sink.deliver(parcelOf(`app ${n}, line ${round}.`), never)).toEqual({ kind: "delivered" });
  expect(seen.map(({ client }) => client)).toEqual(shows.map(([client]) => client));
  expect(seen.map(({ isReused }) => isReused)).toEqual([false, false, false]);
  for (const [n, { bytes }] of seen.entries()) {
    expect(bytes.toString().match(/app \d, line \d\./g)).toEqual(
      [1, 2].map((round) => `app ${n}, line ${round}.`),
    );
  }
});

test.each(["https", "syslog+tls"])("%s: one app's authority is trusted for no other app", async (scheme) => {
  const { peer, seen } = await openAsking(scheme === "https");
  const url = `${scheme}://localhost:${peer.port}`;
  const sinkFor = sinksFor(sinkOptions);
  const trusting = sinkFor(drainOf(1, { url, channel: channelOf(1), ca }));
  const other = sinkFor(drainOf(2, { url, channel: channelOf(2) }));
  opened.push(trusting, other);
  for (const _round of [1, 2]) {
    expect(await trusting.deliver(parcelOf("x"), never)).toEqual({ kind: "delivered" });
    expect(await other.deliver(parcelOf("secret"), never)).toMatchObject({
      kind: "retry",
      certificate: true,
    });
  }
  expect(Buffer.concat(seen.map(({ bytes }) => bytes)).toString()).not.toContain("secret");
});
