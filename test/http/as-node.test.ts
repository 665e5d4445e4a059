/**
 * Requests are told apart just as Node tells them apart: what a proxy in front takes for the body of one may never be another one
 * to us. A plain server of Node's is the oracle, for bytes that are nearly right, cut anywhere.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import fc from "fast-check";
import { expect, test } from "vitest";
import { realClock } from "../../src/clock.ts";
import { BareRoutes } from "../../src/http/bare-routes.ts";
import { isRepeated } from "../../src/http/repeated-request.ts";
import { readBody } from "../../src/ingest/bodies/body.ts";
import { BodyBudget } from "../../src/ingest/bodies/body-budget.ts";
import { ingestLimits } from "../../src/ingest/limits.ts";
import { MemoryBudget } from "../../src/ingest/queues/memory-budget.ts";
import { HttpDoor } from "../attacks/http-door.ts";
import { kept } from "../support/kept.ts";
import { RawClient } from "../support/raw-client.ts";

const bodies = new BodyBudget(new MemoryBudget(1 << 28), ingestLimits);

/** Requests whose bodies came whole, as they came. */
class Seen {
  requests: string[] = [];
  /** Requests whose heads Node's parser did not read. */
  repeated = 0;

  readonly note = (request: IncomingMessage, response: ServerResponse): void => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => this.#whole(request, response, Buffer.concat(parts)));
  };

  readonly read = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    this.repeated += Number(isRepeated(request));
    const reservation = bodies.reserve({ address: "a" });
    try {
      this.#whole(request, response, await readBody(request, reservation, ingestLimits));
    } catch {
      response.destroy(); // it did not come whole
    } finally {
      reservation.release();
    }
  };

  #whole({ method, url, headers }: IncomingMessage, response: ServerResponse, body: Buffer): void {
    const given = `${headers.a} ${headers["x-request-id"]} ${headers["content-length"]}`;
    this.requests.push(`${method} ${url} ${given} ${body.toString("latin1")}`);
    response.end("seen");
  }
}

type Side = { readonly seen: Seen; readonly port: number };

async function oracle(): Promise<Side> {
  const seen = new Seen();
  const server: Server = createServer(seen.note);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  kept({
    close: async () => {
      server.close();
    },
  });
  return { seen, port: (server.address() as AddressInfo).port };
}

async function ours(): Promise<Side> {
  const seen = new Seen();
  const bare = new BareRoutes(realClock);
  bare.post("/own", (request, response) => void seen.read(request, response));
  const door = kept(await HttpDoor.open(seen.note, { bare }));
  return { seen, port: door.port };
}

const forged = "POST /own HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nforged";
const data = fc.constantFrom("", "abc", "a\r\n\r\nb", "0\r\n\r\n", forged, "x".repeat(300));
const ending = fc.constantFrom("\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\n", "\r", "\r\r\n", " \r\n");
const sizeOf = (bytes: number) =>
  fc.constantFrom(
    ...[
      bytes.toString(16),
      bytes.toString(16).toUpperCase(),
      `0${bytes.toString(16)}`,
      `${bytes.toString(16)};a=b`,
    ],
    ...[
      `${bytes.toString(16)};a="b;c"`,
      `${bytes.toString(16)} `,
      ` ${bytes.toString(16)}`,
      `+${bytes}`,
      `0x${bytes}`,
    ],
    ...[
      "",
      "g",
      "-1",
      (bytes + 1).toString(16),
      "fffffffffffffffff",
      `${bytes.toString(16)};a`,
      `${bytes.toString(16)}\t`,
    ],
  );
const right = (bytes: number) => fc.constant(bytes.toString(16));
const mostly = <T>(usual: fc.Arbitrary<T>, odd: fc.Arbitrary<T>) =>
  fc.oneof({ arbitrary: usual, weight: 8 }, { arbitrary: odd, weight: 1 });
const crlf = fc.constant("\r\n");
const chunk = data.chain((text) =>
  text === ""
    ? fc.constant("")
    : fc
        .tuple(mostly(right(text.length), sizeOf(text.length)), mostly(crlf, ending), mostly(crlf, ending))
        .map(([size, afterSize, afterName]) => `${size}${afterSize}${text}${afterName}`),
);
const trailers = mostly(
  fc.constant(""),
  fc.constantFrom("A: b\r\n", "A-b.c: d, e\r\n", "A\n", "A\r\n", "A b: c\r\n", ": x\r\n"),
);
const inChunks = fc
  .tuple(
    fc.array(chunk, { maxLength: 4 }),
    mostly(fc.constant("0"), sizeOf(0)),
    trailers,
    mostly(crlf, ending),
  )
  .map(([chunks, last, trailer, end]) => ({
    heads: "Transfer-Encoding: chunked\r\n",
    body: `${chunks.join("")}${last}\r\n${trailer}${end}`,
  }));
const oddLengths = (bytes: number) =>
  fc.constantFrom(
    ...[`Content-Length: +${bytes}\r\n`, `Content-Length: 0${bytes}\r\n`, `Content-Length : ${bytes}\r\n`],
    ...[
      `Content-Length: ${bytes}, ${bytes}\r\n`,
      `Content-Length: ${bytes}\n`,
      `Content-Length:\t${bytes} \r\n`,
    ],
    ...[
      `Content-Length: ${bytes}\r\nContent-Length: ${bytes}\r\n`,
      `X: y\r\n Content-Length: 1\r\nContent-Length: ${bytes}\r\n`,
    ],
    ...["", "Content-Length: \r\n", "Content-Length: -1\r\n", "Content-Length: 99999999999999999999\r\n"],
    ...[`Content-Length: ${bytes}\r\nTransfer-Encoding: chunked\r\n`, `Transfer-Encoding: xchunked\r\n`],
    ...[
      "Transfer-Encoding: identity\r\n",
      "Transfer-Encoding: gzip, chunked\r\n",
      "Transfer-Encoding: chunked, gzip\r\n",
    ],
    ...["Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding:\x0bchunked\r\n"],
  );
const usualLength = (bytes: number) => fc.constant(`Content-Length: ${bytes}\r\n`);
const withLength = data.chain((body) =>
  mostly(usualLength(body.length), oddLengths(body.length)).map((heads) => ({ heads, body })),
);
const others = mostly(
  fc.constant(""),
  fc.constantFrom(
    "A: b\r\n",
    "A: b\n",
    "A:\x00b\r\n",
    "Connection: close\r\n",
    "Expect: 100-continue\r\n",
    "\u00e9: b\r\n",
  ),
);
// A field that a repeated head may have another value of.
const id = mostly(
  fc.constantFrom("", "X-Request-Id: 1\r\n", "X-Request-Id: a b\r\n", "X-Request-Id: 22\r\n"),
  fc.constantFrom(
    ...["X-Request-Id:  1\r\n", "X-Request-Id: 1 \r\n", "X-Request-Id: \t1\r\n", "X-Request-Id: \r\n"],
    ...[
      "X-Request-Id: \u00e9\r\n",
      "X-Request-Id: \x001\r\n",
      "X-Request-Id: 1\n",
      "X-Request-Id: 1\r\n b\r\n",
    ],
    "X-Request-Id: 1\r\nX-Request-Id: 2\r\n",
  ),
);
const start = mostly(
  fc.constantFrom("POST /own HTTP/1.1", "POST /own HTTP/1.1", "POST /other HTTP/1.1"),
  fc.constantFrom(
    "POST  /own HTTP/1.1",
    "\r\nPOST /own HTTP/1.1",
    "PUT /own HTTP/1.1",
    "POST /own HTTP/1.0",
    "POST /own HTTP/2.0",
  ),
);
const request = fc
  .tuple(start, mostly(crlf, ending), others, id, fc.oneof(withLength, inChunks), mostly(crlf, ending))
  .map(
    ([line, afterName, other, named, { heads, body }, end]) =>
      `${line}${afterName}Host: a\r\n${other}${named}${heads}${end}${body}`,
  );

type Sending = {
  readonly requests: readonly string[];
  readonly cuts: readonly number[];
  /** True for a client that waits a while for each answer; else all is sent at once. */
  readonly waits: boolean;
};

/** The most turns that a client waits for an answer that may never come. */
const turnsMax = 30;

/** What a server made of the bytes: requests that came whole, and whether it refused something. */
async function made({ seen, port }: Side, { requests, cuts, waits }: Sending, wholeMin: number) {
  seen.requests = [];
  const client = await RawClient.open(port);
  for (const wire of waits ? requests : [requests.join("")]) {
    const before = seen.requests.length;
    for (let at = 0, cut = 0; at < wire.length; cut++) {
      const end = at + cuts[cut % cuts.length]!;
      client.send(Buffer.from(wire.slice(at, end), "latin1"));
      at = end;
      await nextTurn();
    }
    for (let turn = 0; waits && turn < turnsMax && seen.requests.length === before; turn++) await nextTurn();
  }
  // Node gives up requests that wait when their client ends its half of the connection.
  while (seen.requests.length < wholeMin && !client.socket.destroyed) await nextTurn();
  client.socket.end();
  const got = await client.closed();
  return { requests: seen.requests, isRefused: /HTTP\/1\.1 4\d\d/.test(got) };
}

/** Compares what both sides make of the requests of many runs. */
async function compare(
  sendings: fc.Arbitrary<Sending>,
  numRuns: number,
): Promise<{ readonly taken: number; readonly refusals: number; readonly repeated: number }> {
  const [node, tailrace] = [await oracle(), await ours()];
  let taken = 0;
  let refusals = 0;
  await fc.assert(
    fc.asyncProperty(sendings, async (sending) => {
      const expected = await made(node, sending, 0);
      const found = await made(tailrace, sending, expected.isRefused ? 0 : expected.requests.length);
      taken += expected.requests.length;
      refusals += Number(expected.isRefused);
      if (expected.isRefused) {
        // What stood before may end unanswered, since we begin a request when the one before is answered; nothing else may begin.
        expect(expected.requests.slice(0, found.requests.length)).toEqual(found.requests);
      } else {
        // What follows the last request of a connection is refused if it comes before that is answered.
        const isLast = sending.requests.some((one) => one.includes("Connection: close"));
        expect(found).toEqual(isLast ? { ...expected, isRefused: found.isRefused } : expected);
      }
    }),
    { numRuns, endOnFailure: true },
  );
  return { taken, refusals, repeated: tailrace.seen.repeated };
}

const runs = Number(process.env.AS_NODE_RUNS ?? 200);
const cuts = fc.array(fc.integer({ min: 1, max: 400 }), { maxLength: 8 }).map((sizes) => [...sizes, 200]);

test("requests that are nearly right are taken, cut and refused as Node does", async () => {
  const requests = fc.array(request, { minLength: 1, maxLength: 5 });
  const seen = await compare(fc.record({ requests, cuts, waits: fc.boolean() }), runs);
  expect(seen.taken).toBeGreaterThan(100);
  expect(seen.refusals).toBeGreaterThan(20);
});

test("and so are those that repeat one but for a few bytes", async () => {
  const first =
    "POST /own HTTP/1.1\r\nHost: a\r\nA: b\r\nX-Request-Id: 1\r\nAuthorization: Basic k\r\nContent-Length: 6\r\n\r\n123456";
  const odd = [
    "\r",
    "\n",
    "\r\n",
    "\r\n\r\n",
    " ",
    "\t",
    ":",
    ",",
    "0",
    "1",
    "7",
    "+",
    "-",
    "\x00",
    "\u00e9",
    "\x7f",
    "x",
  ];
  const change = fc.record({
    at: fc.nat(first.length - 1),
    taken: fc.nat(2),
    given: fc.oneof(fc.constant(""), fc.constantFrom(...odd)),
  });
  const repeat = fc
    .array(mostly(fc.constant(undefined), change), { maxLength: 2 })
    .map((changes) =>
      changes.reduce(
        (text, one) => (one ? text.slice(0, one.at) + one.given + text.slice(one.at + one.taken) : text),
        first,
      ),
    );
  const requests = fc.array(repeat, { minLength: 1, maxLength: 6 }).map((more) => [first, ...more]);
  const whole = fc.constant([1_000]);
  const seen = await compare(
    fc.record({
      requests,
      cuts: fc.oneof(whole, cuts),
      waits: mostly(fc.constant(true), fc.constant(false)),
    }),
    runs,
  );
  expect(seen.refusals).toBeGreaterThan(20);
  expect(seen.repeated).toBeGreaterThan(100);
});
