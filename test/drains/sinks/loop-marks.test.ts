/** Every drain says which one it is, so that a loop is recognised where its lines come back: in every format and scheme. */
import { expect, test } from "vitest";
import { parcelBounds } from "../../../src/drains/destination.ts";
import { checkDrainOptions } from "../../../src/registry/drain-options.ts";
import { kept } from "../../support/kept.ts";
import { openPeer } from "../../support/peer.ts";
import { openRawPeer } from "../../support/raw-peer.ts";
import { SyslogReader } from "../../support/syslog-receiver.ts";
import { ca, serverTls } from "../../support/tls.ts";
import { never, parcelOf, sinkOf } from "./parts.ts";

const token = "d.01234567-89ab-cdef-0123-456789abcdef" as const;

test.each(Object.keys(parcelBounds))("%s: each request has the drain's token in a header", async (format) => {
  const peer = kept(await openPeer());
  for (const rest of [{}, { compression: "gzip" }, { secret: "s" }, { headers: { "X-Key": "k" } }]) {
    const sink = kept(sinkOf(peer.url, { format, token: token as never, ...rest }));
    await sink.deliver(parcelOf("one"), never);
  }
  expect(peer.received.map(({ headers }) => headers["logplex-drain-token"])).toEqual(Array(4).fill(token));
});

test.each(["logplex-drain-token", "Logplex-Frame-Id", "Host", "Content-Length"])(
  "no header of an owner's can take the place of %s",
  (name) =>
    expect(() => checkDrainOptions("https://h.example/", { headers: { [name]: "x" } })).toThrow(/is set by/),
);

test.each([undefined, serverTls])("syslog: the HOSTNAME of each frame is the drain's token", async (tls) => {
  const frames = new SyslogReader();
  const peer = kept(
    await openRawPeer((socket) => socket.on("data", (chunk) => frames.push(chunk)), { ...(tls && { tls }) }),
  );
  const url = `syslog${tls ? "+tls" : ""}://localhost:${peer.port}`;
  const sink = kept(sinkOf(url, { token: token as never, ...(tls && { ca }) }));
  await sink.deliver(parcelOf("one", "two"), never);
  expect(frames.frames.map(({ hostname }) => hostname)).toEqual([token, token]);
});
