import { once } from "node:events";
import { readFileSync } from "node:fs";
import { request as httpRequest, type IncomingHttpHeaders } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { gzipSync } from "node:zlib";
import fastify, { type FastifyInstance } from "fastify";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { realClock } from "../../../src/clock.ts";
import { addressGroup } from "../../../src/core/address-group.ts";
import { storeFull } from "../../../src/errors/store.ts";
import { BodyBudget } from "../../../src/ingest/bodies/body-budget.ts";
import { ingestHttp } from "../../../src/ingest/http/http.ts";
import { acceptsText } from "../../../src/ingest/http/http-admission.ts";
import { ingestLimits } from "../../../src/ingest/limits.ts";
import { AppendQueues } from "../../../src/ingest/queues/append-queues.ts";
import { octetCounted, shuttleFrame } from "../../support/frames.ts";
import { until } from "../../support/until.ts";
import { channelOf, FakeTokens, fakeKeys, silent, tokenOf } from "../registry.ts";
import { ScriptedLog } from "../scripted-log.ts";

const app = channelOf(1);
const token = tokenOf(1);
const basic = (userinfo: string) => `Basic ${Buffer.from(userinfo).toString("base64")}`;
const plain = { authorization: basic(`token:${token}`), "content-type": "application/logplex-1" };
const anyChannel = { ...plain, authorization: basic("router:everything") };

type Answer = { status: number; reason: string; headers: IncomingHttpHeaders; body: string };

type Bounds = Partial<Record<keyof typeof ingestLimits, number>>;

/** The token of a drain of ours. */
const ours = "d.00000000-0000-4000-8000-000000000001";

let log: ScriptedLog;
let looped: string[];
let noted: [address: string | undefined, cause: string, count: number][];
let tokens: FakeTokens;
let queues: AppendQueues;
let server: FastifyInstance;
let port: number;

beforeEach(async () => {
  await start();
});
afterEach(() => server.close());

async function start(bounds: Bounds = {}) {
  log = new ScriptedLog();
  looped = [];
  noted = [];
  tokens = new FakeTokens();
  tokens.add(token, app);
  tokens.add(tokenOf(2), channelOf(2), "heroku");
  tokens.add(tokenOf(3), app, "heroku");
  queues = new AppendQueues({ log, clock: realClock, logger: silent, ...ingestLimits, ...bounds });
  server = fastify();
  await server.register(ingestHttp, {
    queues,
    bodies: new BodyBudget(queues.budget, { ...ingestLimits, ...bounds }),
    addressOf: (socket) => addressGroup(socket.remoteAddress),
    tokens,
    keys: fakeKeys,
    loops: {
      isOurs: (drainToken) => drainToken === ours,
      refused: (drainToken) => void looped.push(drainToken),
    },
    faults: { note: (address, cause, count = 1) => void noted.push([address, cause, count]) },
    clock: realClock,
    ...ingestLimits,
    ...bounds,
  });
  await server.listen({ host: "127.0.0.1", port: 0 });
  port = (server.server.address() as AddressInfo).port;
}

async function restart(bounds: Bounds) {
  await server.close();
  await start(bounds);
}

/** Sends a body whole, or in chunks without a length when it is an array. */
function post(
  body: Uint8Array | string | readonly (Uint8Array | string)[],
  headers: Record<string, string> = plain,
  { method = "POST", path = "/logs" } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      { host: "127.0.0.1", port, method, path, headers, agent: false },
      async (response) => {
        const parts: Buffer[] = [];
        for await (const part of response) parts.push(part as Buffer);
        const { statusCode: status = 0, statusMessage: reason = "" } = response;
        resolve({ status, reason, headers: response.headers, body: Buffer.concat(parts).toString() });
      },
    );
    request.on("error", reject);
    if (!Array.isArray(body)) {
      request.end(body);
      return;
    }
    for (const part of body) request.write(part);
    request.end();
  });
}

/** Bytes that a sender of the field wrote. */
const field = (name: string) => readFileSync(new URL(`../../fixtures/field/${name}`, import.meta.url));

const frames = (...messages: string[]) => Buffer.concat(messages.map((message) => shuttleFrame(message)));

describe("what is accepted", () => {
  test("frames are stored under the name of the token, whoever they say they are", async () => {
    const body = Buffer.concat([
      shuttleFrame("one", { app: token }),
      shuttleFrame("two", { app: "heroku", process: "router", pri: 158 }),
    ]);
    expect(await post(body)).toMatchObject({ status: 204, reason: "No Content", body: "" });
    expect(log.lines(app)).toEqual(["app web.1 -|one\n", "app router -|two\n"]);
  });

  test("MSGID and structured data are kept, and a frame without structured data is taken", async () => {
    const head = `<190>1 2026-01-02T03:04:05.000006+00:00 h ${token}`;
    const body = [`${head} web.1 - message`, `${head} web.1 ID7 [x@1 a="b"] message`, "no syslog at all"];
    expect((await post(Buffer.concat(body.map(octetCounted)))).status).toBe(204);
    expect(log.lines(app).map((line) => line.slice(line.indexOf("|")))).toEqual([
      "|message",
      "|message",
      "|no syslog at all",
    ]);
    expect(log.lines(app)[1]).toBe('app web.1 ID7 [x@1 a="b"]|message');
  });

  test("the other media type and the path with a slash are the same", async () => {
    const headers = { ...plain, "content-type": "application/x-logplex-1" };
    expect((await post(frames("a"), headers, { path: "/logs/" })).status).toBe(204);
    expect(log.messages(app)).toEqual(["a\n"]);
  });

  test("log-shuttle, which takes any status for final, is cut off where others get 503 or 500, and tries again", async () => {
    const shuttle = {
      ...plain,
      "user-agent": "log-shuttle/0.18.0 (go1.16; linux; amd64; gc)",
      "x-request-id": "batch",
    };
    for (const failure of [storeFull(new Error("ENOSPC")), new Error("a fault")]) {
      log.failures.push(failure);
      await expect(post([frames("x")], shuttle)).rejects.toMatchObject({ code: "ECONNRESET" });
      expect(log.messages(app)).toEqual([]);
    }
    expect((await post([frames("x")], shuttle)).status).toBe(204);
    expect(log.messages(app)).toEqual(["x\n"]);
    expect((await post([frames("x"), "y"], shuttle)).status).toBe(400); // no try would mend it
  });

  test("a body in many chunks without a length is one request", async () => {
    const body = frames("one", "two", "three");
    const chunks = Array.from({ length: body.length }, (_, at) => body.subarray(at, at + 1));
    expect((await post(chunks)).status).toBe(204);
    expect(log.messages(app)).toEqual(["one\n", "two\n", "three\n"]);
  });

  test("a gzip body is inflated, chunked or not", async () => {
    const headers = { ...plain, "content-encoding": "gzip" };
    const zipped = gzipSync(frames("one", "two"));
    expect((await post(zipped, headers)).status).toBe(204);
    expect((await post([zipped.subarray(0, 9), zipped.subarray(9)], headers)).status).toBe(204);
    expect(log.messages(app)).toEqual(["one\n", "two\n", "one\n", "two\n"]);
  });

  test("the right count is accepted", async () => {
    expect((await post(frames("a", "b"), { ...plain, "logplex-msg-count": "2" })).status).toBe(204);
  });

  test("an empty body is accepted and stores nothing", async () => {
    expect((await post("")).status).toBe(204);
    expect((await post([])).status).toBe(204);
    expect(log.stored).toEqual([]);
  });

  test("a request as log-shuttle sends it is accepted, and its retry is stored once", async () => {
    const shuttle = {
      ...plain,
      "logplex-msg-count": "2",
      "x-request-id": "5b5c5a68-7a1c-4a6e-8f4e-0d6a4e1e8f10",
      "user-agent": "log-shuttle/0.22.0 (go1.21; linux; amd64; gc)",
      "logplex-drop-count": "3",
    };
    const body = [frames("Error L12: 3 messages dropped since 2026-01-02T03:04:05+00:00"), frames("one")];
    expect((await post(body, shuttle)).status).toBe(204);
    expect((await post(body, shuttle)).status).toBe(204);
    expect(log.messages(app)).toHaveLength(2);
  });

  test("204 comes when the lines are durable, not before", async () => {
    log.holding = true;
    let isAnswered = false;
    const answer = post(frames("a")).then((got) => {
      isAnswered = true;
      return got;
    });
    await until(() => log.heldCount === 1);
    expect(isAnswered).toBe(false);
    log.release();
    expect((await answer).status).toBe(204);
  });

  test("a frame of 256 KiB is taken whole", async () => {
    const head = `<190>1 2026-01-02T03:04:05.000006+00:00 h app web.1 - - `;
    const message = "x".repeat(256 * 1024 - head.length);
    expect((await post(octetCounted(head + message))).status).toBe(204);
    expect(log.messages(app)).toEqual([message]);
  });
});

describe("Authorization: Bearer", () => {
  const bearer = /Bearer .*/.exec(field("bearer.request").toString())![0].trim();

  test.each([bearer, bearer.replace("Bearer", "bearer"), bearer.replace(" ", "   ")])(
    "%j is the right of its token",
    async (authorization) => {
      expect((await post(frames("a"), { ...plain, authorization })).status).toBe(204);
      expect(log.lines(app)).toEqual(["app web.1 -|a\n"]);
    },
  );

  test("a key that may do everything writes to every app", async () => {
    const body = shuttleFrame("a", { app: tokenOf(2) });
    expect((await post(body, { ...plain, authorization: "Bearer everything" })).status).toBe(204);
    expect(log.lines(channelOf(2))).toEqual(["heroku web.1 -|a\n"]);
  });

  test.each([
    [`Bearer ${tokenOf(9)}`, 401],
    ["Bearer nobody", 401],
    ["Bearer ", 401],
    ["Bearer one-app", 403],
    ["Bearer reader", 403],
    [`Bearer ${token} more`, 401],
  ])("%j answers %i", async (authorization, status) => {
    expect((await post(frames("a"), { ...plain, authorization })).status).toBe(status);
    expect(log.stored).toEqual([]);
  });
});

describe("lines that a drain of ours sent", () => {
  test("are refused before their body, and the drain's owner is told", async () => {
    const answer = await post(frames("a"), { ...plain, "logplex-drain-token": ours });
    expect(answer.status).toBe(508);
    expect(answer.body).toContain("would come back without end");
    expect(log.stored).toEqual([]);
    expect(looped).toEqual([ours]);
    expect(noted).toEqual([["127.0.0.1", "drain_loop", 1]]);
  });

  test("are refused of nobody who may not write here, and nobody is told", async () => {
    const headers = { ...plain, authorization: basic(`token:${tokenOf(9)}`), "logplex-drain-token": ours };
    expect((await post(frames("a"), headers)).status).toBe(401);
    expect(looped).toEqual([]);
  });

  test("of another server's drain are taken", async () => {
    expect((await post(frames("a"), { ...plain, "logplex-drain-token": "d.other" })).status).toBe(204);
    expect(log.messages(app)).toEqual(["a\n"]);
  });

  test("in frames with their HOSTNAME are dropped, the others go on", async () => {
    const sent = (host: string, text: string, process = "web.1") =>
      octetCounted(`<190>1 2026-01-02T03:04:05Z ${host} ${token} ${process} - - ${text}`);
    const body = [sent(ours, "a"), sent("d.other", "b"), sent(ours, "notice", "logplex"), sent("d", "c")];
    expect((await post(Buffer.concat(body), anyChannel)).status).toBe(204);
    expect(log.messages(app)).toEqual(["b", "c"]);
    expect(noted).toEqual([["127.0.0.1", "drain_loop", 2]]);
    expect(looped).toEqual([ours, ours]);
  });
});

describe("the same request again", () => {
  test("Logplex-Frame-Id decides before X-Request-Id", async () => {
    await post(frames("a"), { ...plain, "logplex-frame-id": "1", "x-request-id": "1" });
    await post(frames("a"), { ...plain, "logplex-frame-id": "2", "x-request-id": "1" });
    await post(frames("a"), { ...plain, "logplex-frame-id": "2", "x-request-id": "3" });
    expect(log.messages(app)).toEqual(["a\n", "a\n"]);
  });

  test.each(["x-request-id", "logplex-frame-id"])(
    "with other bytes it is another request (%s): stored, counted, and its sender is warned of",
    async (header) => {
      const [one, two] = field("reused-request-id.frames").toString().trimEnd().split("\n");
      const headers = { ...plain, [header]: "req-1" };
      for (const body of [one!, two!, two!]) expect((await post(body, headers)).status).toBe(204);
      expect(log.messages(app)).toEqual(["one", "two"]);
      expect(noted).toEqual([["127.0.0.1", "request_id_reused", 1]]);
    },
  );

  test("compressed or not, in one chunk or many, it is the same request", async () => {
    const headers = { ...plain, "x-request-id": "1" };
    const body = frames("a", "b");
    await post(body, headers);
    await post([body.subarray(0, 10), body.subarray(10)], headers);
    await post(gzipSync(body), { ...headers, "content-encoding": "gzip" });
    expect(log.messages(app)).toEqual(["a\n", "b\n"]);
    expect(noted).toEqual([]);
  });

  test("a line that brings no time is stored once, whenever it comes again", async () => {
    const body = field("nil-time.frames");
    const headers = { ...plain, "x-request-id": "1" };
    const times: string[] = [];
    for (let n = 0; n < 2; n++) {
      expect((await post(body, headers)).status).toBe(204);
      times.push(new Date().toISOString());
      await until(() => new Date().toISOString() !== times.at(-1));
    }
    expect(log.messages(app)).toEqual(["no clock here"]);
  });

  test("a request of several batches that was refused amid them comes again under its id: each line once", async () => {
    await restart({ batchBytesMax: 500 });
    const lines = Array.from({ length: 20 }, (_, n) => `line ${n}`);
    log.failures.push(undefined, undefined, storeFull(undefined));
    const headers = { ...plain, "logplex-frame-id": "1" };
    expect((await post(frames(...lines), headers)).status).toBe(503);
    expect((await post(frames(...lines), headers)).status).toBe(204);
    expect((await post(frames("other", ...lines.slice(1)), headers)).status).toBe(204);
    const expected = [...lines, "other", ...lines.slice(1)].map((line) => `${line}\n`);
    expect(log.messages(app)).toEqual(expected);
  });

  test("the same id under another token is another request", async () => {
    await post(frames("a"), { ...plain, "x-request-id": "1" });
    await post(frames("b"), { ...plain, authorization: basic(`token:${tokenOf(3)}`), "x-request-id": "1" });
    expect(log.lines(app)).toEqual(["app web.1 -|a\n", "heroku web.1 -|b\n"]);
  });

  test("two requests with one id at once are stored once and both acknowledged", async () => {
    const headers = { ...plain, "logplex-frame-id": "1" };
    const answers = await Promise.all([post(frames("a"), headers), post(frames("a"), headers)]);
    expect(answers.map(({ status }) => status)).toEqual([204, 204]);
    expect(log.messages(app)).toEqual(["a\n"]);
  });

  test("a request that was refused may come again under its id", async () => {
    const headers = { ...plain, "logplex-frame-id": "1" };
    log.failures.push(storeFull(undefined));
    expect((await post(frames("a"), headers)).status).toBe(503);
    expect((await post(frames("a"), headers)).status).toBe(204);
    expect(log.messages(app)).toEqual(["a\n"]);
  });
});

describe("what is refused", () => {
  afterEach(() => expect(log.messages(app)).toEqual(["kept\n"])); // nothing that was accepted before is lost
  beforeEach(() => post(frames("kept")));

  const wrongCredentials: [name: string, authorization: string | undefined][] = [
    ["none", undefined],
    ["another scheme", "Bearer t.1"],
    ["the scheme in small letters", basic(`token:${token}`).replace("Basic", "basic")],
    ["bad base64", "Basic !!!!"],
    ["no colon", basic("token")],
    ["an unknown token", basic(`token:${tokenOf(9)}`)],
    ["an empty token", basic("token:")],
    ["a key in the place of a token", basic("token:everything")],
    ["an unknown key", basic("router:nobody")],
  ];
  test.each(wrongCredentials)("401 for credentials: %s", async (_name, authorization) => {
    const headers = { "content-type": "application/logplex-1", ...(authorization && { authorization }) };
    const answer = await post(frames("x"), headers);
    expect(answer.status).toBe(401);
    expect(answer.headers["www-authenticate"]).toBe("Basic realm=Logplex");
    expect(answer.body).toContain("tokens:create");
  });

  test.each(["reader", "one-app"])("403 for a key that may not write to every app: %s", async (key) => {
    const answer = await post(frames("x"), { ...plain, authorization: basic(`anybody:${key}`) });
    expect(answer).toMatchObject({
      status: 403,
      reason: "Credential not permitted to write to any channel.",
    });
    expect(answer.body).toBe("Credential not permitted to write to any channel.");
    expect(answer.headers["www-authenticate"]).toBe("Basic realm=Logplex");
  });

  test.each(["GET", "PUT", "PATCH", "DELETE", "OPTIONS"])(
    "405 for %s, before credentials",
    async (method) => {
      const answer = await post("x", { "content-type": "text/none", "content-length": "1" }, { method });
      expect(answer.status).toBe(405);
      expect(answer.headers.allow).toBe("POST");
    },
  );

  test("405 for HEAD, without a body", async () => {
    expect(await post("", {}, { method: "HEAD" })).toMatchObject({ status: 405, body: "" });
  });

  test.each(["text/html", "application/logplex-1; charset=utf-8", "application/xml", "nonsense", ""])(
    "415 for the media type %j, after credentials",
    async (type) => {
      expect((await post(frames("x"), { ...plain, "content-type": type })).status).toBe(415);
      expect((await post(frames("x"), { "content-type": type })).status).toBe(401);
    },
  );

  test("406 when Accept excludes text, after the media type", async () => {
    expect((await post(frames("x"), { ...plain, accept: "application/json" })).status).toBe(406);
    expect((await post(frames("x"), { ...plain, accept: "a/b", "content-type": "a/b" })).status).toBe(415);
  });

  const framing: [name: string, body: Buffer | string, detail: string][] = [
    ["newline-framed lines", "<190>1 2026-01-02T03:04:05Z h app web.1 - - x\n", "Frame 1, at byte 0 of 46,"],
    [
      "a newline between frames",
      Buffer.concat([frames("a"), Buffer.from("\n"), frames("b")]),
      "Frame 2, at byte 67",
    ],
    ["a length with a leading zero", "05 hello", "does not start with its length"],
    ["a body cut off in a frame", frames("a", "b").subarray(0, -1), "cut off by the end of the body"],
    ["a body cut off in a length", Buffer.concat([frames("a"), Buffer.from("12")]), "cut off"],
    ["a frame over 256 KiB", octetCounted("x".repeat(256 * 1024 + 1)), "longer than 262144 bytes"],
  ];
  test.each(framing)("400 Malformed log messages: %s", async (_name, body, detail) => {
    const answer = await post(body);
    expect(answer).toMatchObject({ status: 400, reason: "Malformed log messages" });
    expect(answer.headers["www-authenticate"]).toBe("Basic realm=Logplex");
    expect(answer.body).toBe("Malformed log messages");
    expect(answer.headers["tailrace-error"]).toContain(detail);
  });

  test.each(["1", "3", "two", "-2", "2.0", ""])(
    "400 Message count mismatch for %j when there are two",
    async (count) => {
      const answer = await post(frames("a", "b"), { ...plain, "logplex-msg-count": count });
      expect(answer).toMatchObject({ status: 400, reason: "Message count mismatch" });
      expect(answer.body).toBe("Message count mismatch");
      expect(answer.headers["tailrace-error"]).toContain("holds 2 whole frames");
    },
  );

  test("malformed frames are told before the count, a cut-off body by the count", async () => {
    const headers = { ...plain, "logplex-msg-count": "7" };
    expect((await post("no frames\n", headers)).reason).toBe("Malformed log messages");
    expect((await post(frames("a", "b").subarray(0, -1), headers)).reason).toBe("Message count mismatch");
  });

  test.each([
    ["no gzip", Buffer.from("this is no gzip")],
    ["gzip cut off", gzipSync(frames("x")).subarray(0, -12)],
  ])("400 Bad request for a gzip body that is %s", async (_name, body) => {
    const answer = await post(body, { ...plain, "content-encoding": "gzip" });
    expect(answer).toMatchObject({ status: 400, reason: "Bad request" });
  });

  test("413 for a body over the bound: declared, chunked, or inflated", async () => {
    const large = Buffer.alloc(8_000_001, frames("x"));
    const answers = [
      await post(large, { ...plain, "content-length": "8000001" }),
      await post([large.subarray(0, 5_000_000), large.subarray(5_000_000)]),
      await post(gzipSync(large), { ...plain, "content-encoding": "gzip" }),
    ];
    for (const answer of answers) {
      expect(answer.status).toBe(413);
      expect(answer.body).toContain("more than 8000000 bytes");
      expect(answer.body).toContain("several requests");
    }
  });

  test.each([
    ["a store without room", storeFull(new Error("ENOSPC")), "5", "disk"],
    ["a server that stops", "close", "1", "stopping"],
  ])("503 with Retry-After for %s", async (_name, failure, retryAfter, text) => {
    if (failure === "close") await queues.close();
    else log.failures.push(failure);
    const answer = await post(frames("x"));
    expect(answer.status).toBe(503);
    expect(answer.headers["retry-after"]).toBe(retryAfter);
    expect(answer.body).toContain(text);
  });

  test("what the log refuses for a reason that nobody foresaw is a 500 and no acknowledgement", async () => {
    log.failures.push(new Error("a fault"));
    expect((await post(frames("x"))).status).toBe(500);
  });

  test("no answer repeats a credential", async () => {
    for (const userinfo of [`token:${tokenOf(9)}`, "router:reader", "router:nobody-secret"]) {
      const answer = await post(frames("x"), { ...plain, authorization: basic(userinfo) });
      expect(JSON.stringify(answer)).not.toContain(userinfo.split(":")[1]);
    }
  });
});

describe("bounds", () => {
  test("a request beyond the bound of held bytes is 503 before it is read, and taken when there is room", async () => {
    await restart({ memoryBytesMax: 20_000 });
    log.holding = true;
    const first = post(frames("x".repeat(15_000)));
    await until(() => log.heldCount === 1);
    const refused = await post(frames("y".repeat(15_000)));
    expect(refused).toMatchObject({ status: 503, headers: { "retry-after": "1" } });
    const chunked = await post([frames("y".repeat(15_000))]);
    expect(chunked.status).toBe(503);
    log.holding = false;
    log.release();
    expect((await first).status).toBe(204);
    expect((await post(frames("y".repeat(15_000)))).status).toBe(204);
    expect(queues.budget.bytes).toBe(0);
  });

  test("a small gzip body that inflates beyond what may be held is 503", async () => {
    await restart({ memoryBytesMax: 100_000 });
    const zipped = gzipSync(frames("x".repeat(200_000)));
    expect((await post(zipped, { ...plain, "content-encoding": "gzip" })).status).toBe(503);
    expect(queues.budget.bytes).toBe(0);
  });

  test("a client that stalls in its body is answered 408 and its connection closed", async () => {
    await restart({ bodyTimeoutMs: 50 });
    const socket = connect(port, "127.0.0.1");
    const headers = Object.entries(plain).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.write(`POST /logs HTTP/1.1\r\nhost: x\r\n${headers.join("")}content-length: 100\r\n\r\n99 <1`);
    let answer = "";
    socket.on("data", (part) => {
      answer += part;
    });
    await once(socket, "close");
    expect(answer).toMatch(/^HTTP\/1\.1 408 /);
    expect(queues.budget.bytes).toBe(0);
  });

  test.each([{}, { "content-encoding": "gzip" }])(
    "a client that goes away in its body frees what it held: %j",
    async (extra) => {
      const socket = connect(port, "127.0.0.1");
      const headers = Object.entries({ ...plain, ...extra }).map(([name, value]) => `${name}: ${value}\r\n`);
      const part = gzipSync(frames("x".repeat(100_000), "y"), { level: 0 }).subarray(0, 50_000);
      socket.write(`POST /logs HTTP/1.1\r\nhost: x\r\n${headers.join("")}content-length: 1000000\r\n\r\n`);
      socket.write(part);
      await until(() => queues.budget.bytes > 0);
      socket.destroy();
      await until(() => queues.budget.bytes === 0);
      expect(log.stored).toEqual([]);
    },
  );

  test("a connection goes on after a refused body", async () => {
    const refused = Buffer.concat([Buffer.from("no frames\n"), Buffer.alloc(2_000_000, "x")]);
    const head = (length: number, authorization: string) =>
      `POST /logs HTTP/1.1\r\nhost: x\r\nauthorization: ${authorization}\r\ncontent-type: application/logplex-1\r\ncontent-length: ${length}\r\n\r\n`;
    const socket = connect(port, "127.0.0.1");
    let answers = "";
    socket.on("data", (part) => {
      answers += part;
    });
    for (const authorization of ["Basic bm8=", plain.authorization]) {
      socket.write(head(refused.length, authorization));
      socket.write(refused);
    }
    const good = frames("good");
    socket.write(head(good.length, plain.authorization));
    socket.write(good);
    await until(() => (answers.match(/HTTP\/1\.1 /g) ?? []).length === 3);
    expect(answers.match(/HTTP\/1\.1 (\d+)/g)).toEqual(["HTTP/1.1 401", "HTTP/1.1 400", "HTTP/1.1 204"]);
    socket.destroy();
  });
});

describe("a key that writes to every app", () => {
  test("each frame goes to the app of the token in its APPNAME, and keeps its place there", async () => {
    const body = Buffer.concat([
      shuttleFrame("a1", { app: token }),
      shuttleFrame("b1", { app: tokenOf(2) }),
      shuttleFrame("a2", { app: tokenOf(3), process: "router" }),
      shuttleFrame("a3", { app: token }),
    ]);
    expect((await post(body, { ...anyChannel, "logplex-msg-count": "4" })).status).toBe(204);
    expect(log.lines(app)).toEqual(["app web.1 -|a1\n", "heroku router -|a2\n", "app web.1 -|a3\n"]);
    expect(log.lines(channelOf(2))).toEqual(["heroku web.1 -|b1\n"]);
  });

  test("frames without a token and of unknown tokens are dropped, the others stored", async () => {
    const body = Buffer.concat([
      shuttleFrame("no token", { app: "app" }),
      octetCounted("nothing"),
      shuttleFrame("unknown", { app: tokenOf(9) }),
      shuttleFrame("kept", { app: token }),
    ]);
    expect((await post(body, { ...anyChannel, "logplex-msg-count": "4" })).status).toBe(204);
    expect(log.messages()).toEqual(["kept\n"]);
  });

  test("a malformed body is refused whole", async () => {
    const body = Buffer.concat([shuttleFrame("a", { app: token }), Buffer.from("7 cut")]);
    expect(await post(body, anyChannel)).toMatchObject({ status: 400, reason: "Malformed log messages" });
    expect(log.stored).toEqual([]);
  });

  test("a token that is known by the time of a retry loses no line of it", async () => {
    const late = tokenOf(4);
    const body = Buffer.concat([shuttleFrame("a", { app: token }), shuttleFrame("late", { app: late })]);
    const headers = { ...anyChannel, "logplex-frame-id": "1" };
    expect((await post(body, headers)).status).toBe(204);
    expect(noted).toEqual([["127.0.0.1", "unknown_token", 1]]);
    tokens.add(late, app);
    tokens.forget();
    expect((await post(body, headers)).status).toBe(204);
    expect(log.messages(app)).toEqual(["a\n", "a\n", "late\n"]);
    expect((await post(body, headers)).status).toBe(204);
    expect(log.messages(app)).toHaveLength(3);
  });

  test("a retry after a failure for one app stores each line once", async () => {
    const body = Buffer.concat([shuttleFrame("a", { app: token }), shuttleFrame("b", { app: tokenOf(2) })]);
    log.failures.push(storeFull(undefined));
    const headers = { ...anyChannel, "logplex-frame-id": "1" };
    expect((await post(body, headers)).status).toBe(503);
    expect(log.messages()).toEqual(["b\n"]);
    expect((await post(body, headers)).status).toBe(204);
    expect(log.messages(app)).toEqual(["a\n"]);
    expect(log.messages(channelOf(2))).toEqual(["b\n"]);
  });
});

test.each([
  [undefined, true],
  ["*/*", true],
  ["text/*;q=0.5", true],
  ["application/json, TEXT/PLAIN", true],
  ["application/json", false],
  ["text/plain;q=0, */*", false],
  ["text/plain;q=0.0, text/*", false],
  ["*/*;q=0", false],
  ["text/*;q=0, text/plain;q=0.1", true],
])("Accept %j allows text/plain: %j", (accept, allowed) => {
  expect(acceptsText(accept)).toBe(allowed);
});
