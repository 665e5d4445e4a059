/** Clients that send request after request and do not wait for the answers, or do not read them. */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import type { Socket } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { httpLimits } from "../../src/limits.ts";
import { turnMsMax } from "../../src/turns.ts";
import { kept } from "../support/kept.ts";
import { RawClient } from "../support/raw-client.ts";
import { answersIn, chunked, last } from "../support/raw-requests.ts";
import { echo, HttpDoor } from "./http-door.ts";

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
const post = (path: string, body: string): string =>
  `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

describe.each([false, true])("over TLS: %s", (tls) => {
  test("as many requests as may come in one write are answered one after the other, and each once", async () => {
    const door = kept(await HttpDoor.open(echo, { tls }));
    const client = await RawClient.open(door.port, { tls });
    const paths = Array.from({ length: httpLimits.requestsMax - 1 }, (_, n) => `/${n}`);
    client.send(paths.map(get).join("") + last);
    expect(answersIn(await client.closed())).toEqual([...paths, "/last"].map((path) => `GET ${path} ;`));
    expect(door.underWayMost).toBe(1);
  });

  test.each([1, 1_500])("%i more are refused in words, and none of them is begun", async (more) => {
    const door = kept(await HttpDoor.open(echo, { tls }));
    const client = await RawClient.open(door.port, { tls });
    client.send(get("/").repeat(httpLimits.requestsMax + more));
    const got = await client.closed();
    expect(got).toMatch(
      /^HTTP\/1\.1 503 [\s\S]*More than 32 requests came on this connection [\s\S]*none of them was done/,
    );
    expect(got.match(/HTTP\/1\.1 /g)).toHaveLength(1);
    expect(door.begun).toBe(0);
    await door.reached(() => door.connections.count === 0);
  });

  test("behind a request that is being worked on they are read when it is answered, and beyond the bound cut off", async () => {
    const answers: (() => void)[] = [];
    const door = kept(
      await HttpDoor.open((_request, response) => answers.push(() => response.end("ok")), { tls }),
    );
    const patient = await RawClient.open(door.port, { tls });
    patient.send(get("/first"));
    await door.reached(() => answers.length === 1);
    for (let n = 0; n < 100; n++) patient.send(get(`/${n}`)); // in many reads, or few
    const greedy = await RawClient.open(door.port, { tls });
    greedy.send(get("/first"));
    await door.reached(() => answers.length === 2);
    greedy.send(get("/more").repeat(1_000));
    await greedy.closed();
    expect(door.begun).toBe(2);
    patient.leave();
  });

  test("two requests are made of what came together, and each other one when those before it were begun", async () => {
    let made = 0;
    const count = () => void made++;
    subscribe("http.server.request.start", count);
    kept({ close: async () => void unsubscribe("http.server.request.start", count) });
    const answers: (() => void)[] = [];
    const door = kept(
      await HttpDoor.open((_request, response) => answers.push(() => response.end("ok")), { tls }),
    );
    const client = await RawClient.open(door.port, { tls });
    client.send(get("/").repeat(20) + last);
    for (let begun = 1; begun <= 21; begun++) {
      await door.reached(() => answers.length === begun);
      for (let turn = 0; turn < 5; turn++) await nextTurn();
      expect(made).toBe(Math.min(21, begun + 1));
      answers.at(-1)!();
    }
    expect((await client.closed()).match(/HTTP\/1\.1 200 /g)).toHaveLength(21);
  });

  test("what comes behind as many as may is no more than they are, also of a client that closes its side", async () => {
    const answers: (() => void)[] = [];
    const door = kept(
      await HttpDoor.open((_request, response) => answers.push(() => response.end("ok")), { tls }),
    );
    const client = await RawClient.open(door.port, { tls });
    const many = httpLimits.requestsMax - 2;
    for (let sent = 0; sent < 3; sent++) {
      client.send(get("/").repeat(many));
      await door.reached(() => answers.length === 1);
      for (let turn = 0; turn < 20; turn++) await nextTurn();
    }
    if (tls) client.send(last);
    else client.socket.end(last);
    for (let begun = 1; begun <= 3 * many + 1; begun++) {
      await door.reached(() => answers.length === begun);
      answers.at(-1)!();
    }
    expect((await client.closed()).match(/HTTP\/1\.1 200 /g)).toHaveLength(3 * many + 1);
  });

  test("who does not read an answer gets no second one made, and is cut off", async () => {
    const large = Buffer.alloc(32 << 20, "x");
    const door = kept(
      await HttpDoor.open((_request, response) => response.end(large), { tls, stallMsMax: 300 }),
    );
    const client = await RawClient.open(door.port, { tls, reads: false });
    client.send(get("/").repeat(20));
    await door.reached(() => door.begun === 1);
    await door.reached(() => door.connections.count === 0);
    expect(door.begun).toBe(1);
    await client.closed();
  });
});

test("who closes his side is answered what he asked for", async () => {
  const door = kept(
    await HttpDoor.open(async (request, response) => {
      await nextTurn();
      echo(request, response);
    }),
  );
  const client = await RawClient.open(door.port);
  client.socket.end(get("/a") + post("/b", "x") + get("/c"));
  expect(answersIn(await client.closed())).toEqual(["GET /a ;", "POST /b x;", "GET /c ;"]);
  await door.reached(() => door.connections.count === 0);
});

describe("a hundred connections", () => {
  const slowDoor = () =>
    HttpDoor.open((_request, response) => {
      for (const start = performance.now(); performance.now() - start < 1; );
      response.end();
    });
  // Requests that began in one turn, while `isOn` holds. Turns of ours begin between theirs, so that it may be those of two.
  const mostOfATurn = async (door: HttpDoor, isOn: () => boolean): Promise<number> => {
    let most = 0;
    for (let before = door.begun; isOn(); before = door.begun) {
      await nextTurn();
      most = Math.max(most, door.begun - before);
    }
    return most;
  };
  const ofTwoTurns = 2 * (turnMsMax + 1);

  test("that pipeline delay others by 5 ms of a turn, not by a request of each", async () => {
    const door = kept(await slowDoor());
    const clients = await Promise.all(Array.from({ length: 100 }, () => RawClient.open(door.port)));
    for (const client of clients) client.send(get("/").repeat(4));
    await door.reached(() => door.begun >= 200);
    expect(await mostOfATurn(door, () => door.begun < 350)).toBeLessThanOrEqual(ofTwoTurns);
    await door.reached(() => door.begun === 400);
  });

  test("that ask once each, at the same moment, do so too", async () => {
    const door = kept(await slowDoor());
    const clients = await Promise.all(Array.from({ length: 100 }, () => RawClient.open(door.port)));
    await door.reached(() => door.connections.count === 100); // a turn accepts one
    for (const client of clients) client.send(get("/"));
    expect(await mostOfATurn(door, () => door.begun < 100)).toBeLessThanOrEqual(ofTwoTurns);
    for (const client of clients) await client.until((got) => got.includes("\r\n\r\n"));
  });

  /** A door whose requests fill two turns each, a hundred clients, one of another address, and whose requests came, in order. */
  async function crowdAndOther() {
    const order: string[] = [];
    const door = kept(
      await HttpDoor.open(({ socket }, response) => {
        order.push(socket.remoteAddress!);
        for (const start = performance.now(); performance.now() - start < 2 * turnMsMax; );
        response.end();
      }),
    );
    const crowd = await Promise.all(Array.from({ length: 100 }, () => RawClient.open(door.port)));
    const other = await RawClient.open(door.port, { from: "127.0.0.9" });
    await door.reached(() => door.connections.count === 101);
    return { order, door, crowd, other };
  }

  test("of one address let another one come between", async () => {
    const { order, door, crowd, other } = await crowdAndOther();
    for (const client of [...crowd, other]) client.send(get("/"));
    await door.reached(() => order.includes("127.0.0.9"));
    expect(order.length).toBeLessThan(10);
  });

  test("let another one come between whose bytes come while they wait", async () => {
    const { order, door, crowd, other } = await crowdAndOther();
    for (const client of crowd) client.send(get("/"));
    await door.reached(() => order.length >= 5);
    other.send(get("/"));
    await door.reached(() => order.includes("127.0.0.9"));
    expect(order.length).toBeLessThan(20);
  });

  test("let POST /logs of the same address come between", async () => {
    const order: string[] = [];
    const door = kept(
      await HttpDoor.open(({ url }, response) => {
        order.push(url!);
        for (const start = performance.now(); performance.now() - start < 2 * turnMsMax; );
        response.end();
      }),
    );
    const crowd = await Promise.all(Array.from({ length: 100 }, () => RawClient.open(door.port)));
    const sender = await RawClient.open(door.port);
    await door.reached(() => door.connections.count === 101);
    for (const client of crowd) client.send(get("/docs/json"));
    sender.send(post("/logs", "x"));
    await door.reached(() => order.includes("/logs"));
    expect(order.length).toBeLessThan(10);
  });
});

test("requests are answered in order wherever reads are cut, and whatever bodies hold", async () => {
  const door = kept(await HttpDoor.open(echo));
  const body = fc.array(fc.constantFrom("\r\n\r\n", "\r\n", get("/forged"), "x".repeat(700), "y"), {
    maxLength: 8,
  });
  const request = fc.oneof(
    fc.constant({ wire: get("/g"), answer: "GET /g ;" }),
    body.map((parts) => ({ wire: post("/p", parts.join("")), answer: `POST /p ${parts.join("")};` })),
    body.map((parts) => ({ wire: chunked("/c", parts.join("")), answer: `POST /c ${parts.join("")};` })),
  );
  // Not all of a byte: a body in a hundred such pieces is refused.
  const cuts = fc.array(fc.integer({ min: 1, max: 2_000 }), { maxLength: 6 }).map((sizes) => [...sizes, 700]);
  await fc.assert(
    fc.asyncProperty(fc.array(request, { maxLength: 12 }), cuts, async (requests, sizes) => {
      const client = await RawClient.open(door.port);
      const wire = requests.map(({ wire }) => wire).join("") + last;
      for (let at = 0, cut = 0; at < wire.length; cut++) {
        const end = at + sizes[cut % sizes.length]!;
        client.send(wire.slice(at, end));
        at = end;
        await nextTurn();
      }
      expect(answersIn(await client.closed())).toEqual([
        ...requests.map(({ answer }) => answer),
        "GET /last ;",
      ]);
    }),
    { numRuns: 60 },
  );
  expect(door.underWayMost).toBe(1);
});

test.each([
  ["GET", get("/flood")],
  ["POST", post("/flood", "xx")],
  ["chunked POST", chunked("/flood", "xx")],
])("another client is served between two answers of one that pipelines: %s", async (_name, one) => {
  const order: string[] = [];
  const door = kept(
    await HttpDoor.open((request, response) => {
      order.push(request.url!);
      response.end();
    }),
  );
  const flood = await RawClient.open(door.port);
  const other = await RawClient.open(door.port);
  flood.send(one.repeat(httpLimits.requestsMax - 1) + last);
  await door.reached(() => order.length > 0);
  other.send(get("/other"));
  await flood.closed();
  expect(order).toHaveLength(httpLimits.requestsMax + 1);
  expect(order.indexOf("/other")).toBeLessThan(httpLimits.requestsMax - 1);
});

test("one that pipelines without end is cut off with few of its requests begun, whatever they are", async () => {
  for (const one of [get("/"), post("/", "xx"), chunked("/", "xx"), post("/", "")]) {
    const door = kept(await HttpDoor.open(echo));
    const client = await RawClient.open(door.port);
    await client.send(one.repeat(1_000)).closed();
    expect(door.begun).toBeLessThanOrEqual(httpLimits.requestsMax);
  }
});

describe("what Node answers by itself is in the same order and bounds", () => {
  test.each([
    ["no Host", "GET / HTTP/1.1\r\n\r\n", /^HTTP\/1\.1 400 [\s\S]*no Host header/],
    ["an unknown Expect", "GET / HTTP/1.1\r\nHost: a\r\nExpect: wonders\r\n\r\n", /^HTTP\/1\.1 417 /],
    ["bytes that are no HTTP", "HELO there\r\n\r\n", /^HTTP\/1\.1 400 [\s\S]*no HTTP\/1\.1/],
    [
      "headers without end",
      `GET / HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(17_000)}\r\n`,
      /^HTTP\/1\.1 431 [\s\S]*"code":"HEADERS_TOO_LARGE"/,
    ],
  ])("%s", async (_name, wire, answer) => {
    const door = kept(await HttpDoor.open(echo));
    const client = await RawClient.open(door.port);
    client.send(wire.repeat(20));
    const got = await client.closed();
    expect(got).toMatch(answer);
    expect(got.match(/HTTP\/1\.1 \d/g)).toHaveLength(1);
    expect(door.begun).toBe(0);
  });

  test("a wish for another protocol is left out of account, and CONNECT is hung up on", async () => {
    const door = kept(await HttpDoor.open(echo));
    const client = await RawClient.open(door.port);
    const wish = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQ\r\n";
    client.send(`GET /wish HTTP/1.1\r\nHost: a\r\n${wish}\r\n`);
    await client.until((got) => got.includes("/wish ;"));
    client.send(last);
    expect(answersIn(await client.closed())).toEqual(["GET /wish ;", "GET /last ;"]);
    const tunnel = await RawClient.open(door.port);
    tunnel.send("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n");
    expect(await tunnel.closed()).toBe("");
  });

  test("Expect: 100-continue is told when its turn has come", async () => {
    const door = kept(await HttpDoor.open(echo));
    const client = await RawClient.open(door.port);
    client.send(
      "POST /body HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n\r\n",
    );
    await client.until((got) => got.includes("100 Continue"));
    client.send("ok");
    expect(await client.closed()).toContain("POST /body ok;");
  });

  test("headers that do not arrive in time are 408", async () => {
    const door = kept(await HttpDoor.open(echo, { headersMsMax: 200 }));
    const client = await RawClient.open(door.port);
    client.send("GET / HTTP/1.1\r\nHost: a\r\n");
    expect(await client.closed()).toMatch(/^HTTP\/1\.1 408 [\s\S]*did not arrive in time/);
  });
});

// A client that hangs up may only have closed its side, and is waited for; a reset is the end.
const neverMs = 2 ** 31 - 1;
test.each([
  ["hangs up", 300, (socket: Socket) => socket.destroy()],
  ["resets the connection", neverMs, (socket: Socket) => socket.resetAndDestroy()],
])("a client that %s in the middle leaves nothing behind", async (_name, halfClosedMsMax, leave) => {
  const door = kept(await HttpDoor.open(() => {}, { halfClosedMsMax }));
  const client = await RawClient.open(door.port);
  client.send(get("/").repeat(20));
  await door.reached(() => door.begun === 1);
  leave(client.socket);
  await once(client.socket, "close");
  await door.reached(() => door.connections.count === 0 && door.underWay === 0);
  expect(door.begun).toBe(1);
});

test("a body in chunks of a byte is refused after a hundred of them, and the rest of it is not read", async () => {
  const door = kept(await HttpDoor.open(echo));
  const head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  const fine = await RawClient.open(door.port);
  fine.send(head + "1\r\n9\r\n".repeat(5_000));
  expect(await fine.closed()).toMatch(
    /^HTTP\/1\.1 400 [\s\S]*in chunks of fewer than 64 bytes: nothing was stored/,
  );
  const lines = await RawClient.open(door.port);
  lines.send(head + `50\r\n${"x".repeat(80)}\r\n`.repeat(2_000)).send("0\r\n\r\n");
  expect(await lines.until((got) => got.includes(";"))).toMatch(/^HTTP\/1\.1 200 /);
});
