/** How reads wait for turns, on real sockets and a turn that the test holds. */
import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, Socket } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, test, vi } from "vitest";
import { Connection } from "../../src/http/connection.ts";
import { ConnectionReads } from "../../src/http/connection-reads.ts";
import { RepeatedHeads } from "../../src/http/repeated-heads.ts";
import { TurnLine } from "../../src/turn-line.ts";
import { Turns } from "../../src/turns.ts";
import { kept } from "../support/kept.ts";
import { RawClient } from "../support/raw-client.ts";

const get = (path: string, more = "") => `GET ${path} HTTP/1.1\r\nHost: a\r\n${more}\r\n`;

const lineOf = (turns: Turns) =>
  new TurnLine({ isOver: () => turns.isOver, run: (work) => work(), nowMs: () => 0 });

/** A server whose connections read by turns that end when `go` is called; `line`: the line in which they wait. */
async function listening(
  waitingBytesMax: number,
  isPaused = false,
  requested = () => {},
  lineFor: (turns: Turns) => TurnLine = lineOf,
) {
  let nowMs = 0;
  let end = () => {};
  const turns = new Turns({
    nowMs: () => nowMs,
    defer: (run) => {
      end = run;
    },
  });
  const line = lineFor(turns);
  const parts = {
    turns,
    line,
    isOwn: () => false,
    heads: new RepeatedHeads(),
    repeat: () => {
      throw new Error("no head is repeated here");
    },
    requestsMax: 32,
    dropMsMax: 1_000,
    waitingBytes: 0,
    waitingBytesMax,
  };
  const asked: string[] = [];
  const connections: Connection[] = [];
  const server = createServer(({ url }, response) => {
    asked.push(url!);
    requested();
    for (const connection of connections) connection.isPaused = isPaused;
    response.end();
  });
  server.on("connection", (socket) => {
    connections.push(new Connection(socket, "a"));
    expect(ConnectionReads.of(socket, connections.at(-1)!, parts)).toBeDefined();
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  kept({ close: async () => void server.close().closeAllConnections() });
  expect(turns.isOver).toBe(false);
  nowMs = 1_000;
  return { port: (server.address() as AddressInfo).port, parts, asked, connections, go: () => end() };
}

async function reached(isThere: () => boolean): Promise<void> {
  while (!isThere()) await nextTurn();
}

test("what is read when a turn is over waits for the next one, in memory of its own", async () => {
  const { port, parts, asked, go } = await listening(1_000);
  const first = await RawClient.open(port);
  first.send(get("/first"));
  await reached(() => parts.waitingBytes === get("/first").length);
  const second = await RawClient.open(port);
  second.send(get("/second"));
  await reached(() => parts.waitingBytes > get("/first").length);
  expect(asked).toEqual([]);
  go();
  await reached(() => asked.length === 2);
  expect(asked).toEqual(["/first", "/second"]);
  expect(parts.waitingBytes).toBe(0);
});

test("a request that is parsed when the turn of its connection has come is known to be, until its tick is over", async () => {
  const inTurn: boolean[] = [];
  const { port, parts, asked, connections, go } = await listening(1_000, false, () => {
    process.nextTick(() => inTurn.push(connections[0]!.isInTurn)); // as the gate looks
  });
  const client = await RawClient.open(port);
  client.send(get("/waits"));
  await reached(() => parts.waitingBytes > 0);
  go();
  await reached(() => asked.length === 1);
  await nextTurn();
  expect(inTurn).toEqual([true]);
  expect(connections[0]!.isInTurn).toBe(false);
});

test("no more waits than may; what is read beyond is parsed at once, and who leaves gives back", async () => {
  const { port, parts, asked } = await listening(100);
  const waits = await RawClient.open(port);
  waits.send(get("/waits"));
  await reached(() => parts.waitingBytes > 0);
  const beyond = await RawClient.open(port);
  beyond.send(get("/beyond", `X: ${"x".repeat(100)}\r\n`));
  await reached(() => asked.length > 0);
  expect(asked).toEqual(["/beyond"]);
  expect(parts.waitingBytes).toBe(get("/waits").length);
  waits.leave();
  beyond.leave();
});

test("of a connection whose turn has not come yet only the first read of 16 KiB waits, and then all of it comes", async () => {
  const { port, parts, asked, go } = await listening(1_000_000);
  const client = await RawClient.open(port);
  client.send(get("/first", "Content-Length: 60000\r\n") + "x".repeat(60_000) + get("/second"));
  await reached(() => parts.waitingBytes > 0);
  for (let turn = 0; turn < 20; turn++) await nextTurn();
  expect(parts.waitingBytes).toBe(16 * 1024);
  while (asked.length < 2) {
    go();
    await nextTurn();
  }
  expect(asked).toEqual(["/first", "/second"]);
  expect(parts.waitingBytes).toBe(0);
});

test("a body comes also while others use up each turn before the line has its little", async () => {
  const { port, asked } = await listening(
    1_000_000,
    false,
    () => {},
    () => new TurnLine({ isOver: () => false, run: (work) => work() }),
  );
  const client = await RawClient.open(port);
  client.send(get("/first", "Content-Length: 600000\r\n") + "x".repeat(600_000) + get("/second"));
  for (let turn = 0; turn < 10_000 && asked.length < 2; turn++) await nextTurn();
  expect(asked).toEqual(["/first", "/second"]);
});

test("the little that is left of a read, and waits for requests before it, keeps no more memory than it has bytes", async () => {
  const { port, parts, asked, go } = await listening(1_000_000, true);
  const client = await RawClient.open(port);
  client.send(get("/first", `X: ${"x".repeat(10_000)}\r\n`) + get("/second"));
  await reached(() => parts.waitingBytes > 10_000);
  const made = vi.spyOn(Buffer, "allocUnsafe");
  go();
  await reached(() => asked.length > 0);
  await reached(() => parts.waitingBytes > 0);
  expect(parts.waitingBytes).toBe(get("/second").length);
  expect(made.mock.calls).toContainEqual([get("/second").length]);
  made.mockRestore();
  client.leave();
});

test("a socket that has no parser of an HTTP server is left alone", () => {
  const socket = new Socket();
  const turns = new Turns({ nowMs: () => 0, defer: () => {} });
  const parts = {
    turns,
    line: lineOf(turns),
    isOwn: () => false,
    heads: new RepeatedHeads(),
    repeat: () => {
      throw new Error("no head is repeated here");
    },
    requestsMax: 32,
    dropMsMax: 1,
    waitingBytes: 0,
    waitingBytesMax: 1,
  };
  expect(ConnectionReads.of(socket, new Connection(socket, "a"), parts)).toBeUndefined();
});
