/** Attempts that are given up, as others need the memory: whatever they wait for, they fail at once, in the usual words. */
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import { BodyPlaces } from "../../../src/drains/sinks/body-places.ts";
import { openBlackHole } from "../../support/black-hole.ts";
import { openPeer } from "../../support/peer.ts";
import { until } from "../../support/until.ts";
import { never, parcelOf, sinkOf } from "./parts.ts";

/** A receiver's port, and when the sink waits for it. */
type Receiver = { readonly port: number; readonly isWaitedFor: () => boolean };

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** More than the system takes on a connection that is not read. */
const large = parcelOf(...Array.from({ length: 100 }, () => "x".repeat(200_000)));
const small = parcelOf("a line");

async function unread(): Promise<Receiver> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => sockets.push(socket.pause().on("error", () => {})));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closing.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, isWaitedFor: () => sockets.length > 0 };
}

async function unanswered(): Promise<Receiver> {
  const peer = await openPeer(() => "hang");
  closing.push(() => peer.close());
  return { port: peer.port, isWaitedFor: () => peer.received.length > 0 };
}

async function unconnected(): Promise<Receiver> {
  const { port, close } = await openBlackHole();
  closing.push(close);
  return { port, isWaitedFor: () => true };
}

const full = () => {
  const places = new BodyPlaces({ bytesMax: 100, appBytesMax: 100, unreadMsMin: 600_000 });
  void places.take("another", 100_000, () => {}, never);
  return { places };
};

const connecting = /no connection within 1\.2 s/;
const reading = /read too slowly, the lines did not all fit within 1\.2 s/;

test.each([
  {
    drain: "https",
    waits: "to be connected",
    url: "http",
    receiver: unconnected,
    parcel: small,
    said: connecting,
  },
  {
    drain: "https",
    waits: "for a place",
    url: "http",
    receiver: unconnected,
    parcel: small,
    format: "ndjson",
    options: full,
    said: connecting,
  },
  { drain: "https", waits: "to be read", url: "http", receiver: unread, parcel: large, said: reading },
  {
    drain: "otlp",
    waits: "to be read",
    url: "http",
    receiver: unread,
    parcel: large,
    format: "otlp-json",
    said: reading,
  },
  {
    drain: "https",
    waits: "for its answer",
    url: "http",
    receiver: unanswered,
    parcel: small,
    said: reading,
  },
  {
    drain: "syslog",
    waits: "to be connected",
    url: "syslog",
    receiver: unconnected,
    parcel: small,
    said: connecting,
  },
  { drain: "syslog", waits: "to be read", url: "syslog", receiver: unread, parcel: large, said: reading },
] as const)("a drain of $drain that waits $waits", async ({ url, receiver, parcel, said, ...rest }) => {
  const { port, isWaitedFor } = await receiver();
  const format = "format" in rest ? { format: rest.format } : {};
  const sink = sinkOf(`${url}://127.0.0.1:${port}/`, format, "options" in rest ? rest.options() : {});
  closing.push(() => sink.close());
  const delivering = sink.deliver(parcel, never);
  await until(isWaitedFor);
  sink.giveUp(1_200);
  const verdict = await delivering;
  expect(verdict.kind).toBe("retry");
  expect(verdict).toMatchObject({ reason: expect.stringMatching(said) });
});

test("a syslog drain whose lines are on their way, and one that has nothing under way, give up nothing", async () => {
  const { port } = await unread();
  const sink = sinkOf(`syslog://127.0.0.1:${port}/`);
  closing.push(() => sink.close());
  sink.giveUp(1_200);
  let isSent = false;
  const delivering = sink.deliver(small, never, () => (isSent = true));
  await until(() => isSent);
  sink.giveUp(1_200);
  expect((await delivering).kind).toBe("delivered");
});
