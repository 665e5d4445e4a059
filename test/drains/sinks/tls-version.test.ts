/** TLS 1.2 is the least, whatever Node is told to take: its defaults can be lowered from outside (`NODE_OPTIONS`). */
import { once } from "node:events";
import { request } from "node:https";
import tls from "node:tls";
import { afterAll, beforeAll, expect, test } from "vitest";
import { onRequests, said } from "../../support/raw-http.ts";
import { openRawPeer, type RawPeer } from "../../support/raw-peer.ts";
import { ca } from "../../support/tls.ts";
import { oldTls } from "./faults.ts";
import { never, parcelOf, sinkOf } from "./parts.ts";

const { DEFAULT_MIN_VERSION, DEFAULT_CIPHERS } = tls;
let peer: RawPeer;
beforeAll(async () => {
  tls.DEFAULT_MIN_VERSION = "TLSv1";
  tls.DEFAULT_CIPHERS = "DEFAULT@SECLEVEL=0";
  peer = await openRawPeer((socket) => onRequests(socket, () => socket.write(said(200))), { tls: oldTls });
});
afterAll(async () => {
  Object.assign(tls, { DEFAULT_MIN_VERSION, DEFAULT_CIPHERS });
  await peer.close();
});

test("with such defaults others do speak TLS 1.1", async () => {
  const asking = request({ host: "localhost", port: peer.port, ca, agent: false }).end();
  const [response] = await once(asking, "response");
  expect(response.socket.getProtocol()).toBe("TLSv1.1");
});

test.each(["https", "syslog+tls"])("%s drains do not", async (scheme) => {
  const sink = sinkOf(`${scheme}://localhost:${peer.port}`, { ca });
  const verdict = await sink.deliver(parcelOf("x"), never);
  await sink.close();
  expect(verdict).toEqual({
    kind: "retry",
    cause: expect.any(String),
    reason: `localhost:${peer.port} speaks TLS that is too old: the receiver has to offer TLS 1.2 or later`,
  });
});
