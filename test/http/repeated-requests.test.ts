/** Requests whose heads repeat one of before, on real connections; Node's own answers to the first are the oracle. */
import type { IncomingMessage, ServerResponse } from "node:http";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { realClock } from "../../src/clock.ts";
import { BareRoutes } from "../../src/http/bare-routes.ts";
import { headBytesMax, RepeatedHeads } from "../../src/http/repeated-heads.ts";
import { isRepeated } from "../../src/http/repeated-request.ts";
import { readBody } from "../../src/ingest/bodies/body.ts";
import { BodyBudget } from "../../src/ingest/bodies/body-budget.ts";
import { ingestLimits } from "../../src/ingest/limits.ts";
import { MemoryBudget } from "../../src/ingest/queues/memory-budget.ts";
import { echo, HttpDoor } from "../attacks/http-door.ts";
import { kept } from "../support/kept.ts";
import { RawClient } from "../support/raw-client.ts";

const bodies = new BodyBudget(new MemoryBudget(1 << 28), ingestLimits);

/** Answers with how the request came, its changing fields and its body. */
class Route {
  readonly bare = new BareRoutes(realClock);
  /** Called for each request before its body is read. */
  before: (request: IncomingMessage, response: ServerResponse) => Promise<void> | void = () => {};
  /** Requests that Node's parser did not read the head of. */
  repeated = 0;
  broken = 0;
  onBroken: (response: ServerResponse) => void = (response) => response.destroy();

  constructor() {
    this.bare.post("/own", (request, response) => void this.#answer(request, response));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (isRepeated(request)) this.repeated++;
    const reservation = bodies.reserve({ address: "a" });
    try {
      await this.before(request, response);
      if (response.writableEnded) return;
      const { authorization, "x-request-id": id } = request.headers;
      response.end(`<${authorization} ${id} ${await readBody(request, reservation, ingestLimits)}>`);
    } catch {
      this.broken++;
      this.onBroken(response);
    } finally {
      reservation.release();
    }
  }
}

async function opened(tls = false) {
  const route = new Route();
  const door = kept(await HttpDoor.open(echo, { tls, bare: route.bare }));
  return { route, door, client: await RawClient.open(door.port, { tls }) };
}

const posted = (body: string, { key = "k", id = "1", more = "", path = "/own" } = {}): string =>
  `POST ${path} HTTP/1.1\r\nHost: a\r\nAuthorization: Basic ${key}\r\nX-Request-Id: ${id}\r\n${more}Content-Length: ${body.length}\r\n\r\n${body}`;
const undated = (text: string): string => text.replace(/Date: [^\r]+ GMT\r\n/g, "Date: now\r\n");
const answers = (text: string): string[] => undated(text).split(/(?=HTTP\/1\.1 )/);
const has = (count: number) => (got: string) => (got.match(/>/g) ?? []).length >= count;

describe.each([false, true])("over TLS: %s", (tls) => {
  test("are read and answered as the first one, with fields of their own", async () => {
    const { route, client } = await opened(tls);
    await client.send(posted("one")).until(has(1));
    for (const [n, body] of ["two", "three", "f\r\n\r\nour", posted("inner")].entries()) {
      client.send(posted(body, { key: `k${n}`, id: `id-${n}` }));
      await client.until((got) => got.includes(`<Basic k${n} id-${n} ${body}>`));
    }
    expect(route.repeated).toBe(4);
    const [first, second] = answers(client.got);
    expect(second!.replace("<Basic k0 id-0 two>", "")).toBe(
      first!.replace("<Basic k 1 one>", "").replace("Content-Length: 15", "Content-Length: 19"),
    );
  });

  test("come in pieces, and many at once, in order", async () => {
    const { route, client } = await opened(tls);
    await client.send(posted("first")).until(has(1));
    const texts = fc.array(fc.constantFrom("a", "bb", "x".repeat(70_000), "\r\n\r\n"), {
      minLength: 1,
      maxLength: 5,
    });
    const cuts = fc.array(fc.integer({ min: 1, max: 3_000 }), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(texts, cuts, async (sent, sizes) => {
        client.got = "";
        const wire = sent.map((text, n) => posted(text, { id: String(n) })).join("");
        for (let at = 0, cut = 0; at < wire.length; cut++) {
          const end = at + (cut < 20 ? sizes[cut % sizes.length]! : wire.length);
          client.send(wire.slice(at, end));
          at = end;
          await new Promise(setImmediate);
        }
        await client.until((got) => (got.match(/>/g) ?? []).length === sent.length);
        const bodies = [...client.got.matchAll(/<Basic k (\d+) ([^>]*)>/g)].map(([, n, text]) => [n, text]);
        expect(bodies).toEqual(sent.map((text, n) => [String(n), text]));
      }),
      { numRuns: tls ? 20 : 60 },
    );
    expect(route.repeated).toBeGreaterThan(10);
  });
});

test("are Node's where anything else differs, and after them they are repeated again", async () => {
  const { route, client } = await opened();
  await client.send(posted("one")).until(has(1));
  const others = [
    posted("x", { more: "X-Other: 1\r\n" }),
    posted("x", { more: "X-Other: 2\r\n" }),
    posted("x", { id: "\tb" }),
    posted("x", { more: "X-Request-Id: 2\r\n" }),
    posted("x", { more: "Connection: Keep-Alive, a\r\n" }),
    posted("x", { id: "caf\u00e9" }),
    posted("x").replace("Content-Length: 1", "Content-Length: +1").replace("+", "0"),
    posted("x").replace(
      "Content-Length: 1\r\n\r\nx",
      "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
    ),
  ];
  for (const [n, other] of others.entries()) {
    const before = route.repeated;
    client.got = "";
    await client.send(Buffer.from(other, "latin1")).until(has(1));
    // A zero before a length is a length, too; each other one is read by Node.
    expect(route.repeated - before, `request ${n}`).toBe(other.includes("Length: 01") ? 1 : 0);
    await client.send(posted("y")).until(has(2));
    expect(route.repeated - before, `behind request ${n}`).toBe(other.includes("Length: 01") ? 2 : 1);
  }
});

test("a refusal before the body, in all its forms, is answered as Node answers it", async () => {
  const { route, door } = await opened();
  const refusals: ((response: ServerResponse) => void)[] = [
    (response) => response.end("no"),
    (response) => {
      response.statusCode = 204;
      response.end();
    },
    (response) => {
      response.statusCode = 400;
      response.statusMessage = "So and so";
      response.setHeader("tailrace-error", "Do this.");
      response.setHeader("retry-after", 3);
      response.setHeader("x-latin", "\u00e9");
      response.end("So and so: \u00e9");
    },
    (response) => {
      response.statusCode = 408;
      response.setHeader("connection", "close");
      response.end("late\n");
    },
  ];
  for (const [n, refuse] of refusals.entries()) {
    route.before = () => {};
    const [node, ours] = [await RawClient.open(door.port), await RawClient.open(door.port)];
    await ours.send(posted("z")).until(has(1));
    ours.got = "";
    route.before = (_request, response) => refuse(response);
    const isWhole = (got: string) => got.includes("\r\n\r\n");
    const expected = undated(await node.send(posted("z")).until(isWhole));
    expect(undated(await ours.send(posted("z")).until(isWhole))).toBe(expected);
    expect(route.repeated).toBe(n + 1);
    node.leave();
    ours.leave();
  }
});

test("more than a connection may have at once are refused, wherever they are cut", async () => {
  const { client } = await opened();
  await client.send(posted("one")).until(has(1));
  await client.send(posted("more").repeat(60)).closed();
  expect(client.got).toContain("TOO_MANY_PIPELINED");
  expect(client.got).not.toContain("more>");
});

test("a field that Node would not write is not written here, and ends nothing but the connection", async () => {
  const { route, client } = await opened();
  await client.send(posted("one")).until(has(1));
  route.before = (_request, response) => void response.setHeader("a", "b\r\nc: d");
  await client.send(posted("two")).closed();
  expect(route.broken).toBe(1);
  expect(client.got).not.toContain("c: d");
});

test("of a client that closes its side are answered, and so are those behind", async () => {
  for (const behind of [0, 1, 2]) {
    const { route, client } = await opened();
    await client.send(posted("one")).until(has(1));
    route.before = () => new Promise((resolve) => setTimeout(resolve, 50));
    client.send(posted("two") + posted("three").repeat(behind));
    client.socket.end();
    await client.closed();
    expect(client.got.match(/one|two|three/g)).toEqual(["one", "two", ...Array(behind).fill("three")]);
    expect(route.repeated).toBeGreaterThan(0);
  }
});

test("of a client that closes its side within a body is refused, and nothing more is written", async () => {
  const { route, door, client } = await opened();
  await client.send(posted("one")).until(has(1));
  client.got = "";
  route.onBroken = (response) => response.end("its body did not come>"); // as the door of `/logs` answers
  client.send(posted("x".repeat(1000)).slice(0, -1));
  await door.reached(() => route.repeated === 1);
  client.socket.end();
  await client.closed();
  expect(client.got).toMatch(/^HTTP\/1\.1 400 /);
  expect(answers(client.got)).toHaveLength(1);
  const next = await RawClient.open(door.port);
  await next.send(posted("again")).until(has(1));
});

test("of a client that leaves within a body are given up, and the next client is served", async () => {
  const { route, door, client } = await opened();
  await client.send(posted("one")).until(has(1));
  client.send(posted("x".repeat(1000)).slice(0, -1));
  await door.reached(() => route.repeated === 1);
  client.leave();
  await door.reached(() => route.broken === 1);
  const next = await RawClient.open(door.port);
  await next.send(posted("again")).until(has(1));
});

test("that are being answered are answered when the server closes", async () => {
  const { route, door, client } = await opened();
  await client.send(posted("one")).until(has(1));
  let go = () => {};
  route.before = () => new Promise<void>((resolve) => (go = resolve));
  client.send(posted("two"));
  await door.reached(() => route.repeated === 1);
  const closed = door.close(10_000);
  await new Promise((resolve) => setTimeout(resolve, 100));
  go();
  await client.until(has(2));
  client.leave();
  await closed;
});

describe("heads", () => {
  const head = posted("").replace("Length: 0", "Length: 5");
  const request = {
    method: "POST",
    url: "/own",
    headers: { host: "a", authorization: "Basic k", "x-request-id": "1", "content-length": "5" },
  } as unknown as IncomingMessage;
  const learned = (): RepeatedHeads => {
    const heads = new RepeatedHeads();
    heads.learn(Buffer.from(head), request);
    return heads;
  };

  test("are found where they are whole, and nowhere else", () => {
    const heads = learned();
    const bytes = Buffer.from(`xx${head}yy`);
    for (let at = 0; at < bytes.length; at++)
      expect(heads.find(bytes, at)?.end).toBe(at === 2 ? 2 + head.length : undefined);
    for (let end = 0; end < head.length; end++)
      expect(heads.find(Buffer.from(head.slice(0, end)), 0)).toBe(undefined);
  });

  test("with any one byte changed are found only if that is in a value, and is printable", () => {
    const heads = learned();
    const values = ["k", "Id: 1", "5"].map((value) => head.indexOf(`${value}\r\n`) + value.length - 1);
    fc.assert(
      fc.property(fc.nat(head.length - 1), fc.nat(255), (at, byte) => {
        const bytes = Buffer.from(head);
        bytes[at] = byte;
        const isSame = byte === head.charCodeAt(at);
        const isInValue = values.includes(at) || (at >= head.indexOf("Basic") && at < values[0]!);
        const isPrintable = byte > 0x20 && byte < 0x7f;
        const isDigit = byte > 0x30 && byte <= 0x39;
        const isInside = at > head.indexOf("Basic") && at < values[0]!;
        const may = at === values[2] ? isDigit : isInValue && (isPrintable || (isInside && byte === 0x20));
        if (heads.find(bytes, 0) !== undefined) expect(isSame || may).toBe(true);
        else expect(isSame || (at !== values[2] && isPrintable && isInValue)).toBe(false);
      }),
      { numRuns: 3_000 },
    );
  });

  test("with which Node begins something else, or that it joins, are not learned", () => {
    for (const more of [
      "Transfer-Encoding: chunked\r\n",
      "Connection: close\r\n",
      "Proxy-Connection: close\r\n",
      "Upgrade: h2c\r\n",
      "Expect: 100-continue\r\n",
      "Content-Length: 5\r\n",
      "Authorization: b\r\n",
      "A: b\r\n c\r\n",
      "A: b\n",
      "A : b\r\n",
      "Content-Type: a\r\nContent-Length: 0000000005\r\n",
    ]) {
      const heads = new RepeatedHeads();
      const one = more.includes("Type") ? head.replace("Content-Length: 5\r\n", "") : head;
      const text = one.replace("Host: a\r\n", `Host: a\r\n${more}`);
      heads.learn(Buffer.from(text), request);
      expect(heads.find(Buffer.from(text), 0), more).toBe(undefined);
    }
    const hostless = new RepeatedHeads();
    hostless.learn(Buffer.from(head.replace("Host: a\r\n", "")), request);
    expect(hostless.find(Buffer.from(head.replace("Host: a\r\n", "")), 0)).toBe(undefined);
  });

  test("of many kinds are kept up to a bound, and a value has one, too", () => {
    const heads = new RepeatedHeads();
    const kind = (n: number) => Buffer.from(head.replace("Host: a", `Host: a${n}`));
    for (let n = 0; n < 40; n++) heads.learn(kind(n), request);
    const kept = Array.from({ length: 40 }, (_, n) => n).filter((n) => heads.find(kind(n), 0) !== undefined);
    expect(kept).toEqual(Array.from({ length: 16 }, (_, n) => 24 + n));
    const long = head.replace("Host: a", "Host: a39").replace("Basic k", `Basic ${"k".repeat(headBytesMax)}`);
    expect(heads.find(Buffer.from(long), 0)).toBe(undefined);
  });
});
