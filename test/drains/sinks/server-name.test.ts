/** Receivers behind name routing show another certificate to whoever does not say which name it wants. */
import { createSecureContext, type TlsOptions } from "node:tls";
import { describe, expect, test } from "vitest";
import type { Resolve } from "../../../src/drains/addresses.ts";
import { kept } from "../../support/kept.ts";
import { onRequests, said } from "../../support/raw-http.ts";
import { openRawPeer } from "../../support/raw-peer.ts";
import { ca, clientTls, serverTls, wrongNameTls } from "../../support/tls.ts";
import { never, parcelOf, sinkOf } from "./parts.ts";

/** A peer with a certificate for another name, and the right one for clients that ask for localhost; its names asked for. */
async function openRouter(options: TlsOptions = {}) {
  const names: string[] = [];
  const right = createSecureContext({ ...serverTls, ca });
  const tls: TlsOptions = {
    ...wrongNameTls,
    ...options,
    SNICallback: (name, done) => {
      names.push(name);
      done(null, name === "localhost" ? right : undefined);
    },
  };
  const peer = await openRawPeer((socket) => onRequests(socket, () => socket.write(said(200))), { tls });
  return { ...kept(peer), names };
}

const mutual = { requestCert: true, rejectUnauthorized: true, ca };

describe.each([
  ["https", "https:", {}],
  ["https, otlp", "https:", { format: "otlp" }],
  ["syslog+tls", "syslog+tls:", {}],
])("%s", (_, scheme, rest) => {
  test("sends the name of the URL", async () => {
    const router = await openRouter();
    const sink = kept(sinkOf(`${scheme}//localhost:${router.port}`, { ...rest, ca }));
    expect(await sink.deliver(parcelOf("x"), never)).toEqual({ kind: "delivered" });
    expect(router.names).toEqual(["localhost"]);
  });

  test("sends it with a client certificate, too", async () => {
    const router = await openRouter(mutual);
    const sink = kept(sinkOf(`${scheme}//localhost:${router.port}`, { ...rest, ca, ...clientTls }));
    expect(await sink.deliver(parcelOf("x"), never)).toEqual({ kind: "delivered" });
    expect(router.names).toEqual(["localhost"]);
  });

  test("sends it without the dot that may end it", async () => {
    const router = await openRouter();
    const resolve: Resolve = (_name, _options, done) => done(null, [{ address: "127.0.0.1", family: 4 }]);
    const sink = kept(sinkOf(`${scheme}//localhost.:${router.port}`, { ...rest, ca }, { resolve }));
    expect(await sink.deliver(parcelOf("x"), never)).toEqual({ kind: "delivered" });
    expect(router.names).toEqual(["localhost"]);
  });

  test("sends none to an address, which is no name", async () => {
    const router = await openRouter(serverTls);
    const sink = kept(sinkOf(`${scheme}//127.0.0.1:${router.port}`, { ...rest, ca }));
    expect(await sink.deliver(parcelOf("x"), never)).toEqual({ kind: "delivered" });
    expect(router.names).toEqual([]);
  });
});

test("syslog+tls that takes any certificate sends the name as well", async () => {
  const router = await openRouter();
  const sink = kept(sinkOf(`syslog+tls://localhost:${router.port}/#insecure`));
  expect(await sink.deliver(parcelOf("x"), never)).toEqual({ kind: "delivered" });
  expect(router.names).toEqual(["localhost"]);
});
