/**
 * A process that did not run for longer than a wait: whatever came in time is seen, and not told as a fault of the
 * other side.
 */
import { expect, onTestFinished, test } from "vitest";
import { nameResolver } from "../../src/drains/name-resolver.ts";
import type { SinkOptions } from "../../src/drains/sink-for.ts";
import type { Verdict } from "../../src/ports.ts";
import { openDnsServer } from "../support/dns-server.ts";
import { openRawPeer } from "../support/raw-peer.ts";
import { never, parcelOf, resolveHere, sinkOf } from "./sinks/parts.ts";

const waitMs = 100;
const url = (scheme: string, port: number) => `${scheme}://r.example:${port}/`;
const answer = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

/** Nothing else runs in the meantime. */
function standStill(): void {
  const end = performance.now() + 2 * waitMs;
  while (performance.now() < end);
}

async function verdictOn(
  scheme: string,
  options: Partial<SinkOptions>,
  take: (write: (text: string) => void) => void,
): Promise<Verdict> {
  const peer = await openRawPeer((socket) => {
    socket.on("data", () => take((text) => socket.write(text)));
  });
  const sink = sinkOf(url(scheme, peer.port), {}, { resolve: resolveHere, ...options });
  onTestFinished(async () => {
    await sink.close();
    await peer.close();
  });
  return sink.deliver(parcelOf("a line"), never);
}

const resolveThenStandStill: SinkOptions["resolve"] = (name, options, done, app) => {
  resolveHere(name, options, done, app);
  setImmediate(standStill); // after the connection has begun, before it is looked at
};

test.each(["http", "syslog"])("the connection of %s", async (scheme) => {
  const options = { connectMsMax: waitMs, resolve: resolveThenStandStill };
  expect(await verdictOn(scheme, options, (write) => write(answer))).toMatchObject({ kind: "delivered" });
});

test("the answer of a receiver", async () => {
  const verdict = await verdictOn("http", { attemptMsMax: waitMs }, (write) => {
    write(answer);
    standStill();
  });
  expect(verdict).toMatchObject({ kind: "delivered" });
});

test("the answer of a name server", async () => {
  const server = await openDnsServer(() => {
    setImmediate(standStill); // after the answer is sent
    return ["192.0.2.1"];
  });
  onTestFinished(() => server.close());
  const files = { facts: async () => ({ hosts: new Map(), search: [], ndots: 1, hasIpv6: false }) };
  const resolve = nameResolver({ files, servers: [server.at], lookupMsMax: waitMs });
  const found = await new Promise((done) =>
    resolve("r.example", { all: true, family: 4 }, (failure, addresses) => done(failure ?? addresses)),
  );
  expect(found).toEqual([{ address: "192.0.2.1", family: 4 }]);
});
