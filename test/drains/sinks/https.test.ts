/** What https drains add to the request of logplex: formats, compression, headers, signatures, certificates. */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { createServer, type Server as TlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { TLSSocket } from "node:tls";
import { deflateSync, gunzipSync, gzipSync } from "node:zlib";
import { afterEach, describe, expect, onTestFinished, test, vi } from "vitest";
import type { SinkOptions } from "../../../src/drains/sink-for.ts";
import { AnswerReader } from "../../../src/drains/sinks/http/answer-reader.ts";
import { signatureOf } from "../../../src/drains/sinks/signature.ts";
import type { Sink } from "../../../src/ports.ts";
import type { DrainRecord } from "../../../src/registry/records.ts";
import { otlpAnswer, readOtlp } from "../../support/otlp-receiver.ts";
import { type Answer, openPeer, type Peer } from "../../support/peer.ts";
import { ca, clientTls, serverTls } from "../../support/tls.ts";
import { never, parcelOf, sinkOf, sinkOptions } from "./parts.ts";

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
  const sink = sinkOf(url, rest, options);
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
    const from = Math.floor(Date.now() / 1000);
    await openSink(peer.url, rest).deliver(parcelOf("one"), never);
    const { body, headers } = peer.received[0]!;
    const said = String(headers["tailrace-signature"]);
    const seconds = Number(/^t=(\d+)/.exec(said)![1]);
    expect(seconds).toBeGreaterThanOrEqual(from);
    expect(seconds).toBeLessThanOrEqual(Date.now() / 1000);
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

  const json = { "content-type": "application/json" };
  const partial = (rejected: number, said: string) =>
    JSON.stringify({ partialSuccess: { errorMessage: said, rejectedLogRecords: String(rejected) } });
  const rejecting = async (body: Buffer, headers: Record<string, string>, format = "otlp-json") => {
    const peer = await peerThat((response) => response.writeHead(200, headers).end(body));
    const sink = openSink(peer.url, { format, headers: { "X-Key": "k-3c9a" } });
    const verdict = await sink.deliver(parcelOf("a", "b", "c"), never);
    return { verdict, place: `127.0.0.1:${peer.port}` };
  };

  test("lines that are rejected in a success are counted, and told with what is said of them", async () => {
    const protobuf = { "content-type": "application/x-protobuf" };
    const said = "attribute\ntoo long for k-3c9a ";
    const { verdict, place } = await rejecting(otlpAnswer(2, said + "x".repeat(500)), protobuf, "otlp");
    const shown = `attribute too long for … ${"x".repeat(175)}`;
    const reason = `${place} took the request and rejected 2 lines ("${shown}"): check the drain's format`;
    expect(verdict).toEqual({ kind: "delivered", rejected: 2, reason });
    const silent = await rejecting(otlpAnswer(1, ""), protobuf, "otlp");
    expect(silent.verdict).toMatchObject({
      rejected: 1,
      reason: `${silent.place} took the request and rejected 1 line: check the drain's format`,
    });
    const many = await rejecting(otlpAnswer(9, ""), protobuf, "otlp");
    expect(many.verdict).toMatchObject({ rejected: 3, reason: expect.stringContaining("rejected 3 lines") });
  });

  test.each([
    ["gzip", gzipSync],
    ["x-gzip", gzipSync],
    ["deflate", deflateSync],
  ])("a compressed answer (%s) is read, too", async (coding, compressed) => {
    const headers = { ...json, "content-encoding": coding };
    const { verdict } = await rejecting(compressed(partial(2, "too long")), headers);
    expect(verdict).toMatchObject({ rejected: 2, reason: expect.stringContaining('("too long")') });
  });

  test("an answer that is too long to tell how many it rejects counts all, and says so", async () => {
    const long = partial(1, "y".repeat(20_000));
    for (const [body, headers] of [
      [Buffer.from(long), json],
      [gzipSync(long), { ...json, "content-encoding": "gzip" }],
    ] as const) {
      const { verdict, place } = await rejecting(body, headers);
      expect(verdict).toEqual({
        kind: "delivered",
        rejected: 3,
        reason: `${place} took the request and rejected lines ("${"y".repeat(200)}"); how many is behind the first 8192 bytes of its answer, so all 3 count: check the drain's format`,
      });
    }
    const known = `{"partialSuccess":{"rejectedLogRecords":"2","errorMessage":"${"y".repeat(20_000)}"}}`;
    expect((await rejecting(Buffer.from(known), json)).verdict).toMatchObject({ rejected: 2 });
  });

  test.each([
    ["comes late is waited for", 1, { kind: "delivered", rejected: 2 }],
    ["never comes is waited for as long as an attempt may take", 0, { kind: "delivered" }],
  ])("a body that the head of a success announced, and that %s", async (_, leftMs, expected) => {
    const body = partial(2, "too long");
    const read = vi.spyOn(AnswerReader.prototype, "push");
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    onTestFinished(() => {
      vi.useRealTimers();
      read.mockRestore();
    });
    const answers: ServerResponse[] = [];
    const peer = await peerThat((response) => {
      answers.push(response);
      response.writeHead(200, { ...json, "content-length": body.length }).flushHeaders();
    });
    const verdict = openSink(peer.url, { format: "otlp-json" }).deliver(parcelOf("a", "b", "c"), never);
    while (read.mock.calls.length === 0) await new Promise(setImmediate);
    vi.advanceTimersByTime(sinkOptions.attemptMsMax - leftMs);
    if (leftMs > 0) answers[0]!.end(body);
    expect(await verdict).toMatchObject(expected);
  });

  test("a long success that is no answer of OTLP is one", async () => {
    const page = Buffer.from(`{"pages":"${"y".repeat(20_000)}"}`);
    expect((await rejecting(page, json)).verdict).toEqual({ kind: "delivered" });
    const { verdict } = await rejecting(Buffer.from("x"), { ...json, "content-encoding": "zstd" });
    expect(verdict).toEqual({ kind: "delivered" });
  });
});

describe("what a receiver says is shown", () => {
  const saying = async (body: Buffer, coding: string) => {
    const peer = await peerThat((response) => {
      response.writeHead(403, { "content-encoding": coding }).end(body);
    });
    const verdict = await openSink(peer.url).deliver(parcelOf("a"), never);
    return "reason" in verdict ? (verdict.reason ?? "") : "";
  };

  test("in words, though it came compressed", async () => {
    expect(await saying(gzipSync("no such key"), "gzip")).toContain('"no such key"');
    expect(await saying(deflateSync("no such key"), "Deflate")).toContain('"no such key"');
  });
  test("as far as it can be read: of a body that is broken, that grows without end, or in an unknown coding", async () => {
    expect(await saying(gzipSync(`no ${randomBytes(90).toString("hex")}`).subarray(0, 60), "gzip")).toMatch(
      /\("?no [0-9a-f]+|"no [0-9a-f]+/,
    );
    expect(await saying(gzipSync("no".repeat(10_000_000)), "gzip")).toContain("nono");
    expect(await saying(Buffer.from("no such key"), "gzip")).not.toContain("no such");
    expect(await saying(Buffer.from("(\xb5/\xfd"), "zstd")).not.toContain("xb5");
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
  expect(reason).toMatch(/ answered 403 \(".*"\): the drain's credentials are not allowed to write there/);
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
