/** An answer that is the one before it to the byte is not read again: every verdict is that of a connection that knows none. */
import type { Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import type { Sink, Verdict } from "../../../../src/ports.ts";
import { randomFrom } from "../../../support/random.ts";
import { openRawPeer } from "../../../support/raw-peer.ts";
import { never, parcelOf, sinkOf } from "../parts.ts";

const opened: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});

/** An answer in pieces that are written apart. */
type Script = readonly string[];

const kept = {
  empty: ["HTTP/1.1 204 No Content\r\nDate: now\r\n\r\n"],
  later: ["HTTP/1.1 204 No Content\r\nDate: later\r\n\r\n"],
  timed: ["HTTP/1.1 200 OK\r\nKeep-Alive: timeout=60\r\nContent-Length: 2\r\n\r\nok"],
  busy: ["HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 4\r\n\r\nbusy"],
  refused: ["HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n"],
  apart: ["HTTP/1.1 204 No Co", "ntent\r\n\r\n"],
  long: [`HTTP/1.1 200 OK\r\nX-Long: ${"x".repeat(2_000)}\r\nContent-Length: 0\r\n\r\n`],
} satisfies Record<string, Script>;
const closed = {
  close: ["HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"],
  surplus: ["HTTP/1.1 204 No Content\r\nDate: now\r\n\r\nmore"],
  brief: ["HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1\r\nContent-Length: 0\r\n\r\n"],
} satisfies Record<string, Script>;

/** Calls `onRequest` whenever a request has come whole. */
function readRequests(socket: Socket, onRequest: () => void): void {
  let seen = "";
  socket.on("data", (bytes) => {
    seen += bytes.toString("latin1");
    for (;;) {
      const headEnd = seen.indexOf("\r\n\r\n");
      const length = Number(/content-length: (\d+)/i.exec(seen)?.[1]);
      if (headEnd === -1 || seen.length < headEnd + 4 + length) return;
      seen = seen.slice(headEnd + 4 + length);
      onRequest();
    }
  });
}

/** A receiver that gives these answers, one to each request. */
async function receiver(scripts: readonly Script[]) {
  let answered = 0;
  const peer = await openRawPeer((socket) => {
    socket.setNoDelay(true);
    readRequests(socket, () => {
      const [first = "", ...rest] = scripts[answered++]!;
      socket.write(first);
      for (const piece of rest) setImmediate(() => setImmediate(() => socket.write(piece)));
    });
  });
  opened.push(peer);
  return peer;
}

function openSink(port: number): Sink {
  const sink = sinkOf(`http://127.0.0.1:${port}/`);
  opened.push(sink);
  return sink;
}

async function verdicts(scripts: readonly Script[], isFresh: boolean): Promise<[Verdict[], number]> {
  const peer = await receiver(scripts);
  const found: Verdict[] = [];
  let sink = openSink(peer.port);
  for (let n = 0; n < scripts.length; n++) {
    if (isFresh && n > 0) sink = openSink(peer.port);
    found.push(await sink.deliver(parcelOf(`line ${n}`), never));
  }
  return [found, peer.connections()];
}

const withoutPort = (found: readonly Verdict[]): string =>
  JSON.stringify(found).replaceAll(/:\d{4,5}\b/g, "");

test.each([1, 2, 3, 4, 5, 6])("any answers in a row, each often (seed %i)", async (seed) => {
  const random = randomFrom(seed);
  const all: readonly Script[] = [...Object.values(kept), ...Object.values(closed)];
  const scripts: Script[] = [];
  while (scripts.length < 30) {
    const script = all[Math.floor(random() * all.length)]!;
    for (let times = 1 + Math.floor(random() * 3); times > 0; times--) scripts.push(script);
  }
  const [found] = await verdicts(scripts, false);
  const [expected] = await verdicts(scripts, true);
  expect(withoutPort(found)).toBe(withoutPort(expected));
});

test("one connection takes all answers that keep it", async () => {
  const scripts = Object.values(kept).flatMap((script) => [script, script, script]);
  const [, connections] = await verdicts(scripts, false);
  expect(connections).toBe(1);
});

test.each(Object.keys(closed) as (keyof typeof closed)[])(
  "%s ends it, however often it comes",
  async (name) => {
    const [found, connections] = await verdicts([kept.empty, closed[name], closed[name], kept.empty], false);
    expect(found).toEqual(Array(4).fill({ kind: "delivered" }));
    expect(connections).toBe(3);
  },
);
