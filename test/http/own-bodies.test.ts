/** Bodies that are read beside Node's parser, on real connections. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { setImmediate as nextTurn } from "node:timers/promises";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { realClock } from "../../src/clock.ts";
import type { AppError } from "../../src/errors/app-error.ts";
import { BareRoutes } from "../../src/http/bare-routes.ts";
import { OwnBody, ownBodyOf } from "../../src/http/own-body.ts";
import { readBody } from "../../src/ingest/bodies/body.ts";
import { BodyBudget } from "../../src/ingest/bodies/body-budget.ts";
import { ingestLimits } from "../../src/ingest/limits.ts";
import { MemoryBudget } from "../../src/ingest/queues/memory-budget.ts";
import { readBytesMax } from "../../src/sockets/socket-reads.ts";
import { echo, HttpDoor } from "../attacks/http-door.ts";
import { kept } from "../support/kept.ts";
import { RawClient } from "../support/raw-client.ts";
import { answersIn, chunked, last } from "../support/raw-requests.ts";

const head = (path: string, more: string) => `POST ${path} HTTP/1.1\r\nHost: a\r\n${more}\r\n`;
const posted = (path: string, body: string) => head(path, `Content-Length: ${body.length}\r\n`) + body;

const bodies = new BodyBudget(new MemoryBudget(1 << 28), ingestLimits);

/** Answers with the body, and counts those that came beside the parser. */
class Echo {
  readonly bare = new BareRoutes(realClock);
  own = 0;

  constructor() {
    this.bare.post("/own", (request, response) => this.#answer(request, response));
    // Not every route wants the body.
    this.bare.post("/unread", (_request, response) => response.end("unread;"));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (ownBodyOf(request) !== undefined) this.own++;
    const reservation = bodies.reserve({ address: "a" });
    try {
      response.end(`own ${await readBody(request, reservation, ingestLimits)};`);
    } catch (error) {
      response.statusCode = (error as AppError).status;
      response.end("refused;");
    } finally {
      reservation.release();
    }
  }
}

async function opened(tls = false) {
  const route = new Echo();
  const door = kept(await HttpDoor.open(echo, { tls, bare: route.bare }));
  return { door, route };
}

describe.each([false, true])("over TLS: %s", (tls) => {
  test("requests are answered in order wherever reads are cut, and whatever bodies hold", async () => {
    const { door, route } = await opened(tls);
    const numRuns = tls ? 20 : 60;
    const part = fc.constantFrom("\r\n\r\n", "\r\n", posted("/own", "forged"), "x".repeat(700), "y", last);
    const body = fc.array(part, { maxLength: 8 }).map((parts) => parts.join(""));
    const request = fc.oneof(
      body.map((text) => ({ wire: posted("/own", text), answer: `own ${text};` })),
      body.map((text) => ({ wire: chunked("/own", text), answer: `own ${text};` })),
      body.map((text) => ({ wire: posted("/unread", text), answer: "unread;" })),
      body.map((text) => ({ wire: posted("/p", text), answer: `POST /p ${text};` })),
      body.map((text) => ({ wire: chunked("/c", text), answer: `POST /c ${text};` })),
    );
    // Not all of a byte: a body in a hundred such pieces is refused.
    const cuts = fc
      .array(fc.integer({ min: 1, max: 3_000 }), { maxLength: 6 })
      .map((sizes) => [...sizes, 700]);
    await fc.assert(
      fc.asyncProperty(fc.array(request, { maxLength: 12 }), cuts, async (requests, sizes) => {
        const client = await RawClient.open(door.port, { tls });
        const wire = posted("/own", "first") + requests.map(({ wire }) => wire).join("") + last;
        for (let at = 0, cut = 0; at < wire.length; cut++) {
          const end = at + sizes[cut % sizes.length]!;
          client.send(wire.slice(at, end));
          at = end;
          await nextTurn();
        }
        expect(answersIn(await client.closed())).toEqual([
          "own first;",
          ...requests.map(({ answer }) => answer),
          "GET /last ;",
        ]);
      }),
      { numRuns, endOnFailure: true },
    );
    expect(route.own).toBeGreaterThanOrEqual(numRuns);
  });

  test("a body of many reads is whole, in the memory of its reader, also behind another one", async () => {
    const { door } = await opened(tls);
    const client = await RawClient.open(door.port, { tls });
    const large = Array.from({ length: 60_000 }, (_, n) => `${n} and so on, `).join("");
    expect(large.length).toBeGreaterThan(8 * readBytesMax);
    client.send(posted("/own", large) + posted("/own", "small") + last);
    expect(answersIn(await client.closed())).toEqual([`own ${large};`, "own small;", "GET /last ;"]);
  });
});

test("chunks of a byte are as good as any, and those that are none are refused", async () => {
  const { door, route } = await opened();
  const client = await RawClient.open(door.port);
  const fine = `${head("/own", "Transfer-Encoding: Chunked\r\n")}${"1\r\n9\r\n".repeat(20_000)}0\r\n\r\n`;
  client.send(fine + posted("/own", "next") + last);
  expect(answersIn(await client.closed())).toEqual([
    `own ${"9".repeat(20_000)};`,
    "own next;",
    "GET /last ;",
  ]);
  expect(route.own).toBe(2);
  const bad = await RawClient.open(door.port);
  bad.send(`${head("/own", "Transfer-Encoding: chunked\r\n")}1\r\n9\r\nx\r\n${last}`);
  const got = await bad.closed();
  expect(got).toMatch(/^HTTP\/1\.1 400 /);
  expect(got.match(/HTTP\/1\.1 \d/g)).toHaveLength(1);
  await door.reached(() => bodies.bytes === 0);
});

test("chunks without end are refused where they are too many bytes", async () => {
  const { door } = await opened();
  const client = await RawClient.open(door.port);
  client.send(head("/own", "Transfer-Encoding: chunked\r\n"));
  for (let sent = 0; sent <= 8_000_000; sent += 1 << 20) client.send(`100000\r\n${"x".repeat(1 << 20)}\r\n`);
  client.send(`0\r\n\r\n${last}`);
  expect(await client.closed()).toMatch(/^HTTP\/1\.1 413 [\s\S]*GET \/last ;/);
});

test("a wish for another protocol is left out of account", async () => {
  const { door } = await opened();
  const client = await RawClient.open(door.port);
  const wish = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQ\r\n";
  client.send(`${head("/own", `${wish}Content-Length: 3\r\n`)}abc${last}`);
  expect(answersIn(await client.closed())).toEqual(["own abc;", "GET /last ;"]);
});

test("what is left of a body that nobody reads is thrown away, and the connection goes on", async () => {
  const { door } = await opened();
  const client = await RawClient.open(door.port);
  const large = posted("/unread", "x".repeat(20 * readBytesMax));
  client.send(large.slice(0, 100));
  await client.until((got) => got.includes("unread;"));
  client.send(large.slice(100) + posted("/own", "next") + last);
  expect(answersIn(await client.closed())).toEqual(["unread;", "own next;", "GET /last ;"]);
});

test("a body that is too large is refused by its head, and thrown away", async () => {
  const { door } = await opened();
  const client = await RawClient.open(door.port);
  client.send(head("/own", "Content-Length: 8000001\r\n"));
  expect(await client.until((got) => got.includes("refused;"))).toMatch(/^HTTP\/1\.1 413 /);
  client.send("x".repeat(8_000_001) + last);
  expect(answersIn(await client.closed())).toEqual(["GET /last ;"]);
});

test("what is left of a refused body has its time, and no more", async () => {
  const route = new Echo();
  const door = kept(await HttpDoor.open(echo, { bare: route.bare, headersMsMax: 50, requestMsMax: 100 }));
  const client = await RawClient.open(door.port);
  client.send(head("/unread", "Content-Length: 1000\r\n"));
  await client.closed();
  await door.reached(() => door.connections.count === 0);
});

test("a client that leaves amid its body leaves nothing behind; one that only ends it is told", async () => {
  const { door } = await opened();
  const gone = await RawClient.open(door.port);
  gone.send(head("/own", "Content-Length: 1000\r\n") + "x".repeat(100));
  await door.reached(() => bodies.bytes > 0);
  gone.leave();
  await door.reached(() => bodies.bytes === 0 && door.connections.count === 0);
  const ended = await RawClient.open(door.port);
  ended.send(head("/own", "Content-Length: 1000\r\n") + "x".repeat(100));
  await door.reached(() => bodies.bytes > 0);
  ended.socket.end();
  expect(await ended.closed()).toMatch(/^HTTP\/1\.1 400 /);
  await door.reached(() => bodies.bytes === 0);
});

test.each([
  ["two lengths", "Content-Length: 3\r\nContent-Length: 4\r\n"],
  ["a length and chunks", "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n"],
  ["a length that is none", "Content-Length: +3\r\n"],
  ["a length behind a line feed", "X: y\nContent-Length: 3\r\n"],
])("%s are no request, and nothing behind them is one", async (_name, lengths) => {
  const { door, route } = await opened();
  const client = await RawClient.open(door.port);
  client.send(`${head("/own", lengths)}abc${last}`);
  const got = await client.closed();
  expect(got).toMatch(/^HTTP\/1\.1 400 /);
  expect(got.match(/HTTP\/1\.1 \d/g)).toHaveLength(1);
  expect(route.own).toBe(0);
});

test("one read of a large body brings no more than a turn has time for, however much room its reader has", () => {
  const length = 8_000_000;
  const room = Buffer.alloc(length);
  let at = 0;
  let isWhole = false;
  const body = new OwnBody(length);
  body.read({
    room: () => room.subarray(at),
    get spare() {
      return room.subarray(at);
    },
    filled: (bytes) => {
      at += bytes;
    },
    ended: () => {
      isWhole = true;
    },
    broke: () => {},
  });
  let reads = 0;
  for (; !isWhole; reads++) {
    const { spare } = body;
    expect(spare?.buffer).toBe(room.buffer);
    expect(spare!.length).toBeLessThanOrEqual(128 * 1024);
    body.filled(spare!.length);
  }
  expect(at).toBe(length);
  expect(reads).toBe(Math.ceil(length / (128 * 1024)));
});
