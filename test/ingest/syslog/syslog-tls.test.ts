import { once } from "node:events";
import { connect as connectPlain } from "node:net";
import { type ConnectionOptions, connect, type TLSSocket } from "node:tls";
import { afterEach, expect, test } from "vitest";
import type { StreamListener } from "../../../src/ingest/connections/stream-listener.ts";
import { ClientTokens, readClientTokens } from "../../../src/ingest/syslog/client-tokens.ts";
import { syslogListener } from "../../../src/ingest/syslog/syslog.ts";
import { ca, clientTls, selfSignedTls, serverTls } from "../../support/tls.ts";
import { until } from "../../support/until.ts";
import { doorOptions } from "../doors.ts";
import { channelOf, tokenOf } from "../registry.ts";

const buffers = ({ cert, key }: { cert: string; key: string }) => ({
  cert: Buffer.from(cert),
  key: Buffer.from(key),
});
const line = (text: string, number = 1) => `<190>1 - box ${tokenOf(number)} web.1 - - ${text}\n`;
let listener: StreamListener;
const sockets: { destroy(): void }[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await listener.close();
});

async function start(
  { asks = false, ...bounds }: Parameters<typeof doorOptions>[0] & { asks?: boolean } = {},
  clientTokens = new ClientTokens(),
) {
  const door = doorOptions(bounds);
  const tls = { ...buffers(serverTls), ...(asks && { clientCa: Buffer.from(ca) }) };
  listener = await syslogListener({ ...door.options, clientTokens, tls });
  return door;
}

async function client(options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connect({
    port: listener.address.port,
    host: "127.0.0.1",
    servername: "localhost",
    ca,
    ...options,
  });
  sockets.push(socket);
  socket.on("error", () => {});
  await once(socket, "secureConnect");
  return socket;
}

test.each(["TLSv1.2", "TLSv1.3"] as const)(
  "%s carries frames; the session is not early data",
  async (version) => {
    const { log, senders } = await start();
    const socket = await client({ minVersion: version, maxVersion: version });
    expect(socket.getProtocol()).toBe(version);
    socket.write(line("a"));
    await until(() => log.lines().length === 1);
    expect(log.messages(channelOf(1))).toEqual(["a"]);
    expect(senders.list()).toMatchObject([{ door: "syslog-tls", framing: "newline", frames: 1 }]);
  },
);

test("the cipher that every implementation has is taken", async () => {
  await start(); // RFC 9662 §4, for the key of the fixtures
  const socket = await client({ maxVersion: "TLSv1.2", ciphers: "ECDHE-ECDSA-AES128-GCM-SHA256" });
  expect(socket.getCipher().standardName).toBe("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256");
});

test("an older version is refused and told", async () => {
  const { noted } = await start();
  const socket = connect({
    port: listener.address.port,
    host: "127.0.0.1",
    ca,
    maxVersion: "TLSv1.1",
    minVersion: "TLSv1",
    ciphers: "DEFAULT@SECLEVEL=0",
  });
  sockets.push(socket);
  await once(socket, "error");
  await until(() => noted.length > 0);
  expect(noted).toMatchObject([{ cause: "tls_handshake" }]);
});

test("plain syslog on the TLS port is told apart from a handshake that failed", async () => {
  const { noted } = await start();
  const socket = connectPlain(listener.address.port, "127.0.0.1");
  sockets.push(socket);
  socket.on("error", () => {}).end(line("a"));
  await until(() => noted.length > 0);
  expect(noted).toMatchObject([{ cause: "not_tls" }]);
});

test("a client that begins no handshake is closed in time, and counts for its address meanwhile", async () => {
  const { noted, log } = await start({ firstTokenMs: 1_000, addressConnectionsMax: 1 });
  const silent = connectPlain(listener.address.port, "127.0.0.1");
  sockets.push(silent);
  const closed = once(
    silent.on("error", () => {}),
    "close",
  );
  await once(silent, "connect");
  const socket = await client(); // the silent one makes room
  await closed;
  expect(noted).toMatchObject([{ cause: "too_many_of_address" }]);
  socket.write(line("a"));
  await until(() => log.lines().length === 1);
  const again = connectPlain(listener.address.port, "127.0.0.1");
  sockets.push(again);
  await once(again.on("error", () => {}).resume(), "close");
});

test("a certificate is optional, names a token where the operator's file has it, and has to hold", async () => {
  const read = readClientTokens(`# ours\n\nclient.example  ${tokenOf(2)}\nCN of client ${tokenOf(3)}\n`);
  expect(read).toHaveProperty("tokens");
  const found = new ClientTokens();
  const { log, noted } = await start({ asks: true }, found);
  const bare = await client();
  bare.write(line("no certificate"));
  await until(() => log.lines().length === 1);
  const probe = await client(clientTls);
  const { fingerprint256 } = probe.getCertificate() as { fingerprint256: string };
  probe.destroy();
  const { tokens } = readClientTokens(`sha256:${fingerprint256.replaceAll(":", "")} ${tokenOf(2)}`) as {
    tokens: ReadonlyMap<string, string>;
  };
  found.set(tokens);
  const known = await client(clientTls);
  known.write("<13>1 - h nginx 7 - - by certificate\n");
  await until(() => log.lines().length === 2);
  expect(log.messages(channelOf(2))).toEqual(["by certificate"]);
  const bad = await client(selfSignedTls);
  await once(bad.resume(), "close");
  expect(noted).toMatchObject([{ cause: "client_certificate" }]);
});

test("names of a certificate are looked for from the fingerprint on, in any case", () => {
  const tokens = new ClientTokens(
    new Map([
      ["box.example", "t.1"],
      ["sha256:aa01", "t.2"],
    ]),
  );
  const named = { subject: { CN: "Box.Example" }, fingerprint256: "FF:02" } as never;
  expect(tokens.of(named)).toBe("t.1");
  expect(tokens.of({ ...(named as object), fingerprint256: "AA:01" } as never)).toBe("t.2");
  expect(
    tokens.of({
      subject: { CN: "x" },
      subjectaltname: "DNS:a, DNS:box.example",
      fingerprint256: "F",
    } as never),
  ).toBe("t.1");
  expect(tokens.of({} as never)).toBeUndefined();
  expect(readClientTokens("a b c")).toEqual({ badLine: 1 });
  expect(readClientTokens(`\n${tokenOf(1)}`)).toEqual({ badLine: 2 });
});

test("another certificate holds for the connections from then on, and ends none", async () => {
  const { log } = await start();
  const before = await client();
  listener.setTls(buffers(selfSignedTls));
  const after = await client({ rejectUnauthorized: false });
  expect(after.getPeerCertificate().raw.equals(before.getPeerCertificate().raw)).toBe(false);
  before.write(line("a"));
  after.write(line("b"));
  await until(() => log.lines().length === 2);
});
