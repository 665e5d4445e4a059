/** What https drains add to the request of logplex: formats, compression, headers, signatures, certificates. */
import { once } from "node:events";
import { createServer, type Server as TlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { TLSSocket } from "node:tls";
import { gunzipSync } from "node:zlib";
import { afterEach, describe, expect, test } from "vitest";
import type { SinkOptions } from "../../../src/drains/sink-for.ts";
import { signatureOf } from "../../../src/drains/sinks/signature.ts";
import type { Sink } from "../../../src/ports.ts";
import type { DrainRecord } from "../../../src/registry/records.ts";
import { otlpAnswer, readOtlp } from "../../support/otlp-receiver.ts";
import { type Answer, openPeer, type Peer } from "../../support/peer.ts";
import { ca, clientTls, serverTls } from "../../support/tls.ts";
import { ample, never, parcelOf, sinkOf } from "./parts.ts";

const opened: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});
async function peerThat(answer: Answer = 200): Promise<Peer> {
  const peer = await openPeer(() => answer);
  opened.push(peer);
  return peer;
}
function openSink(url: string, rest: Partial<DrainRecord> = {}, options: Partial<SinkOptions> = {}): Sink {
  const sink = sinkOf(url, rest, { ...ample, ...options });
  opened.push(sink);
  return sink;
}

test("a compressed body says so and is the same inside", async () => {
  const peer = await peerThat();
  await openSink(peer.url, { compression: "gzip" }).deliver(parcelOf("one", "two"), never);
  const [request] = peer.received;
  expect(request!.headers).toMatchObject({
    "content-type": "application/logplex-1",
    "content-encoding": "gzip",
    "content-length": String(request!.body.length),
    "logplex-msg-count": "2",
  });
  expect(gunzipSync(request!.body).toString()).toMatch(/ - one\d+ .* - two$/);
});

test("what the URL says for the drain is not sent; what it says for the receiver is", async () => {
  const peer = await peerThat();
  const url = `${peer.url}in?a=%2F&format=ndjson&compression=gzip&format=xml#insecure`;
  await openSink(url).deliver(parcelOf("one"), never);
  expect(peer.received[0]!.path).toBe("/in?a=%2F&format=xml");
  expect(JSON.parse(gunzipSync(peer.received[0]!.body).toString())).toMatchObject({ message: "one" });
  await openSink(url, { format: "logplex" }).deliver(parcelOf("two"), never);
  expect(peer.received[1]!.path).toBe("/in?a=%2F&format=ndjson&format=xml");
});

test("the drain's headers go along, and its Authorization is the one that counts", async () => {
  const peer = await peerThat();
  const url = peer.url.replace("//", "//user:word@");
  await openSink(url, { headers: { "DD-API-KEY": "k", authorization: "Splunk t" } }).deliver(
    parcelOf("x"),
    never,
  );
  expect(peer.received[0]!.headers).toMatchObject({ "dd-api-key": "k", authorization: "Splunk t" });
  expect(peer.received[0]!.rawHeaders.filter((name) => /^authorization$/i.test(name))).toHaveLength(1);
});

test("formats that name the app ask for its name once; where nobody knows it the id stands for it", async () => {
  const peer = await peerThat();
  let asked = 0;
  const appName = async () => {
    asked++;
    return "shop";
  };
  const sink = openSink(peer.url, { format: "ndjson" }, { appName });
  await sink.deliver(parcelOf("x"), never);
  await sink.deliver(parcelOf("y"), never);
  await openSink(
    peer.url,
    { format: "ndjson" },
    { appName: () => Promise.reject(new Error("store")) },
  ).deliver(parcelOf("z"), never);
  const apps = peer.received.map(({ body }) => JSON.parse(body.toString()).app);
  expect(apps).toEqual(["shop", "shop", "00000000-0000-4000-8000-000000000001"]);
  expect(asked).toBe(1);
});

describe("a signature", () => {
  // Test vectors: HMAC-SHA256 of "1700000000.hello" under the keys "first" and "second".
  const vectors = {
    first: "26a683a8167935ad27e5fd11ae49353f52423c9b86cccd46081183df50d94abc",
    second: "90acafe1eff956bf1b8f71d3c9a5cdf17bfcf2fc9f4b2d15a19311ac55327fea",
  };

  test("is HMAC-SHA256 over time and body, one for each secret", () => {
    const said = signatureOf(Buffer.from("hello"), ["first", "second"], 1_700_000_000_999);
    expect(said).toBe(`t=1700000000,v1=${vectors.first},v1=${vectors.second}`);
  });

  test("covers the bytes as they were sent, and comes with every attempt", async () => {
    const peer = await peerThat();
    const rest = { compression: "gzip", secret: "now", previousSecret: "before" };
    await openSink(peer.url, rest).deliver(parcelOf("one"), never);
    const { body, headers } = peer.received[0]!;
    const said = String(headers["tailrace-signature"]);
    const seconds = Number(/^t=(\d+)/.exec(said)![1]);
    expect(Math.abs(seconds - Date.now() / 1000)).toBeLessThan(10);
    expect(said).toBe(signatureOf(body, ["now", "before"], seconds * 1000));
  });

  test("is not there without a secret", async () => {
    const peer = await peerThat();
    await openSink(peer.url).deliver(parcelOf("one"), never);
    expect(peer.received[0]!.headers).not.toHaveProperty("tailrace-signature");
  });
});

describe("otlp", () => {
  test("goes to the logs' own path when the URL has none, in protobuf", async () => {
    const peer = await peerThat();
    await openSink(peer.url, { format: "otlp" }).deliver(parcelOf("one"), never);
    await openSink(`${peer.url}custom`, { format: "otlp-json" }).deliver(parcelOf("one"), never);
    expect(peer.received.map(({ path, headers }) => [path, headers["content-type"]])).toEqual([
      ["/v1/logs", "application/x-protobuf"],
      ["/custom", "application/json"],
    ]);
    const [group] = readOtlp(peer.received[0]!.body).resourceLogs;
    expect(group!.scopeLogs[0]!.logRecords[0]!.body).toEqual({ stringValue: "one" });
  });

  test("lines that are rejected in a success are counted", async () => {
    const peer = await peerThat((response) => {
      response.writeHead(200, { "content-type": "application/x-protobuf" }).end(otlpAnswer(2, "too old"));
    });
    const sink = openSink(peer.url, { format: "otlp" });
    expect(await sink.deliver(parcelOf("a", "b", "c"), never)).toEqual({ kind: "delivered", rejected: 2 });
  });
});

test("what a receiver repeats of the request's secrets is not shown to anybody", async () => {
  const peer = await peerThat((response) => {
    const { headers, url } = response.req;
    response.writeHead(403).end(`${headers["dd-api-key"]} ${headers.authorization} ${url}`);
  });
  const url = `${peer.url.replace("//", "//user:passw0rd@")}in?dd-api-key=qsecret`;
  const verdict = await openSink(url, { headers: { "DD-API-KEY": "hsecret" } }).deliver(parcelOf("x"), never);
  const reason = "reason" in verdict ? verdict.reason : "";
  expect(reason).toContain("answered 403: check what the receiver lets this sender do");
  for (const secret of ["hsecret", "qsecret", "passw0rd", Buffer.from("user:passw0rd").toString("base64")]) {
    expect(reason).not.toContain(secret);
  }
});

describe("client certificates", () => {
  let seen: string[];
  let server: TlsServer;
  async function openAsking(): Promise<string> {
    seen = [];
    server = createServer(
      { ...serverTls, ca, requestCert: true, rejectUnauthorized: false },
      (request, response) => {
        seen.push(String((request.socket as TLSSocket).getPeerCertificate().subject?.CN ?? "nobody"));
        request.resume().on("end", () => response.end());
      },
    );
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    opened.push({
      close: async () => {
        server.closeAllConnections();
        server.close();
      },
    });
    return `https://localhost:${(server.address() as AddressInfo).port}/`;
  }

  test("two drains with the same URL and different certificates share no connection", async () => {
    const url = await openAsking();
    let connections = 0;
    server.on("secureConnection", () => connections++);
    const plain = openSink(url, { ca });
    const shown = openSink(url, { ca, ...clientTls });
    for (const sink of [plain, shown, plain, shown]) {
      expect(await sink.deliver(parcelOf("x"), never)).toEqual({ kind: "delivered" });
    }
    expect(seen).toEqual(["nobody", "drain client", "nobody", "drain client"]);
    expect(connections).toBe(2);
  });

  test("a private authority of one drain is trusted by no other", async () => {
    const url = await openAsking();
    expect(await openSink(url, { ca }).deliver(parcelOf("x"), never)).toEqual({ kind: "delivered" });
    expect(await openSink(url).deliver(parcelOf("x"), never)).toMatchObject({
      kind: "retry",
      certificate: true,
    });
    expect(seen).toHaveLength(1);
  });
});
