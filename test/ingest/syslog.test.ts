import { once } from "node:events";
import { connect, type Socket } from "node:net";
import fc from "fast-check";
import { pino } from "pino";
import { afterEach, beforeEach, expect, test } from "vitest";
import { realClock } from "../../src/clock.ts";
import { storeFull, storeUnavailable } from "../../src/errors.ts";
import { Lanes } from "../../src/ingest/lanes.ts";
import { ingestLimits } from "../../src/ingest/limits.ts";
import { syslogListener } from "../../src/ingest/syslog.ts";
import {
  droppedConnections,
  malformedFrames,
  syslogConnections,
  syslogLostLines,
  unknownTokenFrames,
} from "../../src/metrics.ts";
import { octetCounted, shuttleFrame } from "../support/frames.ts";
import { channelOf, FakeTokens, tokenOf } from "./registry.ts";
import { ScriptedLog } from "./scripted-log.ts";

type Bounds = Partial<Record<keyof typeof ingestLimits, number>>;

const app = channelOf(1);
const token = tokenOf(1);

let log: ScriptedLog;
let tokens: FakeTokens;
let lanes: Lanes;
let logged: string;
let listener: Awaited<ReturnType<typeof syslogListener>>;
const sockets: Socket[] = [];

beforeEach(() => start());
afterEach(async () => {
  await listener.close();
  for (const socket of sockets.splice(0)) socket.destroy();
});

async function start(bounds: Bounds = {}) {
  log = new ScriptedLog();
  tokens = new FakeTokens();
  for (let number = 1; number <= 50; number++) tokens.add(tokenOf(number), channelOf(number));
  tokens.add(tokenOf(99), app, "heroku");
  lanes = new Lanes({ log, clock: realClock, ...ingestLimits, ...bounds });
  logged = "";
  const logger = pino({}, { write: (line: string) => void (logged += line) });
  const limits = { ...ingestLimits, ...bounds };
  listener = await syslogListener({
    host: "127.0.0.1",
    port: 0,
    lanes,
    tokens,
    logger,
    clock: realClock,
    ...limits,
  });
}

async function restart(bounds: Bounds) {
  await listener.close();
  await start(bounds);
}

async function open(): Promise<Socket> {
  const socket = connect(listener.address.port, "127.0.0.1");
  sockets.push(socket);
  socket.on("error", () => {});
  await once(socket, "connect");
  return socket;
}

async function write(socket: Socket, bytes: Uint8Array): Promise<void> {
  await new Promise<void>((resolve, reject) =>
    socket.write(bytes, (error) => (error ? reject(error) : resolve())),
  );
}

/** Sends over a connection of its own, ends it, and resolves when the server has closed its side. */
async function send(bytes: Uint8Array): Promise<void> {
  const socket = await open();
  const closed = once(socket, "close");
  socket.resume().end(bytes);
  await closed;
}

const to = (number: number, message: string) => shuttleFrame(message, { app: tokenOf(number) });
const count = async (metric: { get(): Promise<{ values: { value: number }[] }> }) =>
  (await metric.get()).values.reduce((sum, { value }) => sum + value, 0);

test("frames of many apps on one connection go each to its app, in order", async () => {
  const sent = Array.from({ length: 2_000 }, (_, i) => [1 + ((i * 7) % 50), `line ${i}`] as const);
  await send(Buffer.concat(sent.map(([number, text]) => to(number, text))));
  await until(() => log.lines().length === sent.length);
  for (let number = 1; number <= 50; number++) {
    const expected = sent.filter(([n]) => n === number).map(([, text]) => `${text}\n`);
    expect(log.messages(channelOf(number))).toEqual(expected);
  }
  expect(tokens.finds).toBe(50); // each token is asked for once
});

test("two sources of one app keep their order on a connection, and SOURCE is the token's name", async () => {
  await send(Buffer.concat([to(1, "a"), to(99, "b"), to(1, "c"), to(99, "d")]));
  await until(() => log.lines(app).length === 4);
  expect(log.lines(app).map((line) => line.trim())).toEqual([
    "app web.1 -|a",
    "heroku web.1 -|b",
    "app web.1 -|c",
    "heroku web.1 -|d",
  ]);
});

test("a byte stream gives the same lines however it is cut into packets", async () => {
  const messages = fc.array(fc.tuple(fc.integer({ min: 1, max: 3 }), fc.string({ maxLength: 200 })), {
    maxLength: 20,
  });
  const cuts = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 10 });
  await fc.assert(
    fc.asyncProperty(messages, cuts, async (sent, sizes) => {
      const before = log.lines().length;
      const wire = Buffer.concat(sent.map(([number, text]) => to(number, text)));
      const socket = await open();
      socket.setNoDelay(true);
      for (let at = 0, turn = 0; at < wire.length; turn++) {
        const size = sizes[turn % sizes.length]!;
        await write(socket, wire.subarray(at, at + size));
        at += size;
      }
      socket.end();
      await until(() => log.lines().length === before + sent.length);
      for (let number = 1; number <= 3; number++) {
        const expected = sent.filter(([n]) => n === number).map(([, text]) => `${text}\n`);
        const all = log.messages(channelOf(number));
        expect(all.slice(all.length - expected.length)).toEqual(expected);
      }
    }),
    { numRuns: 40 },
  );
});

test("newline-framed data is counted and dropped, and the connection goes on", async () => {
  const before = await count(malformedFrames);
  const socket = await open();
  await write(socket, Buffer.concat([to(1, "a"), Buffer.from("<190>1 newline framed\n\n"), to(1, "b")]));
  await until(() => log.lines().length === 2);
  await write(socket, to(1, "c"));
  await until(() => log.lines().length === 3);
  expect(log.messages(app)).toEqual(["a\n", "b\n", "c\n"]);
  expect((await count(malformedFrames)) - before).toBe(2);
});

test("frames without a token, and of unknown or revoked tokens, are counted and dropped", async () => {
  const [malformed, unknown] = [await count(malformedFrames), await count(unknownTokenFrames)];
  const socket = await open();
  await write(
    socket,
    Buffer.concat([to(1, "a"), octetCounted("short"), shuttleFrame("no token"), to(77, "unknown")]),
  );
  await until(() => log.lines().length === 1);
  tokens.revoke(token);
  await write(socket, Buffer.concat([to(1, "revoked"), to(2, "b")]));
  await until(() => log.lines().length === 2);
  expect(log.messages()).toEqual(["a\n", "b\n"]);
  expect((await count(malformedFrames)) - malformed).toBe(2);
  expect((await count(unknownTokenFrames)) - unknown).toBe(2);
});

test("a frame over 256 KiB closes the connection, and what came before it is stored", async () => {
  const before = await count(droppedConnections);
  const socket = await open();
  const closed = once(socket.resume(), "close");
  socket.write(Buffer.concat([to(1, "a"), Buffer.from(`${256 * 1024 + 1} x`)]));
  await closed;
  await until(() => log.lines().length === 1);
  expect((await count(droppedConnections)) - before).toBe(1);
  expect(logged).toContain("a frame is too long");
});

test("a frame of 256 KiB is taken", async () => {
  const head = `<190>1 2026-01-02T03:04:05.000006+00:00 h ${token} web.1 - - `;
  const message = "x".repeat(256 * 1024 - head.length);
  await send(octetCounted(head + message));
  await until(() => log.lines().length === 1);
  expect(log.messages(app)).toEqual([message]);
});

test("nothing is ever written back", async () => {
  const socket = await open();
  let written = 0;
  socket.on("data", (part) => {
    written += part.length;
  });
  const closed = once(socket, "close");
  socket.end(Buffer.concat([to(1, "a"), Buffer.from("bad\n"), to(77, "unknown")]));
  await closed;
  expect(written).toBe(0);
});

test("while the log refuses, the socket is not read; when it is mended every line is stored, in order", async () => {
  await restart({ connectionBytesMax: 20_000 });
  log.failure = storeFull(new Error("ENOSPC"));
  const sent = Array.from({ length: 4_000 }, (_, i) => `line ${i} ${"x".repeat(2_500)}\n`);
  const wire = Buffer.concat(sent.map((text) => shuttleFrame(text.trimEnd(), { app: token })));
  const socket = await open();
  let isFlushed = false;
  socket.end(wire, () => {
    isFlushed = true;
  });
  await until(() => log.asked.length > 3); // asked again and again
  expect(isFlushed).toBe(false); // 10 MB do not fit the kernel's buffers
  expect(lanes.pending.bytes).toBeLessThan(200_000);
  log.failure = undefined;
  await until(() => log.lines().length === sent.length);
  expect(log.messages(app)).toEqual(sent);
});

test("more lines than one batch holds are stored once each when the log refuses one in between", async () => {
  await restart({ batchBytesMax: 500 });
  log.failures.push(undefined, storeFull(new Error("ENOSPC")), undefined, storeFull(new Error("ENOSPC")));
  const sent = Array.from({ length: 50 }, (_, i) => `line ${i}\n`);
  await send(Buffer.concat(sent.map((text) => to(1, text.trimEnd()))));
  await until(() => log.lines().length >= sent.length);
  expect(log.messages(app)).toEqual(sent);
});

test("lines over the bound of all lanes wait for room", async () => {
  await restart({ pendingBytesMax: 3_000 });
  log.holding = true;
  const first = await open();
  await write(first, to(1, "a".repeat(1_500)));
  await until(() => log.heldCount === 1);
  const second = await open();
  await write(second, to(2, "b".repeat(1_500)));
  await until(() => logged.includes("OVERLOADED"));
  log.holding = false;
  log.release();
  await until(() => log.lines().length === 2);
  expect(log.messages(channelOf(2))).toEqual([`${"b".repeat(1_500)}\n`]);
});

test("a registry that fails is asked again, and no line is lost", async () => {
  tokens.failure = storeUnavailable(new Error("gone"));
  await send(Buffer.concat([to(1, "a"), to(2, "b"), to(1, "c")]));
  await until(() => tokens.finds > 1);
  tokens.failure = undefined;
  await until(() => log.lines().length === 3);
  expect(log.messages(app)).toEqual(["a\n", "c\n"]);
});

test("one connection too many is closed at once and counted; the others go on", async () => {
  await restart({ connectionsMax: 2 });
  const before = await count(droppedConnections);
  const first = await open();
  await open();
  const third = connect(listener.address.port, "127.0.0.1");
  third.on("error", () => {});
  await once(third.resume(), "close");
  await write(first, to(1, "a"));
  await until(() => log.lines().length === 1);
  expect((await count(droppedConnections)) - before).toBe(1);
});

test("a connection on which nothing arrives is closed", async () => {
  await restart({ connectionIdleMs: 60 });
  const before = await count(droppedConnections);
  const socket = await open();
  await once(socket.resume(), "close");
  expect((await count(droppedConnections)) - before).toBe(1);
});

test("a connection that waits for the log is not idle", async () => {
  await restart({ connectionIdleMs: 60, connectionBytesMax: 10 });
  log.holding = true;
  const socket = await open();
  await write(socket, to(1, "a"));
  await until(() => log.heldCount === 1);
  await new Promise((resolve) => setTimeout(resolve, 200)); // three times the bound
  await write(socket, to(1, "b"));
  log.holding = false;
  log.release();
  await until(() => log.lines().length === 2);
});

test("closing appends what was read, closes the connections and is idempotent", async () => {
  const socket = await open();
  const closed = once(socket.resume(), "close");
  log.holding = true;
  await write(socket, Buffer.concat([to(1, "a"), to(2, "b"), Buffer.from("99 <190>cut")]));
  await until(() => log.heldCount === 2);
  const done = Promise.all([listener.close(), listener.close()]);
  log.holding = false;
  log.release(2);
  await done;
  await closed;
  expect(log.messages().sort()).toEqual(["a\n", "b\n"]);
  expect(await count(syslogConnections)).toBe(0);
});

test("closing while the log refuses ends in time and counts what is lost", async () => {
  const before = await count(syslogLostLines);
  log.failure = storeFull(new Error("ENOSPC"));
  const socket = await open();
  await write(socket, Buffer.concat([to(1, "a"), to(1, "b"), to(2, "c")]));
  await until(() => log.asked.length >= 2);
  await listener.close();
  expect((await count(syslogLostLines)) - before).toBe(3);
  expect(logged).toContain("are lost");
});

test("no token is in the server's own log", async () => {
  log.failures.push(storeFull(new Error("ENOSPC")));
  await send(Buffer.concat([to(1, "a"), to(77, "unknown"), Buffer.from("300000 x")]));
  await until(() => log.lines().length === 1);
  expect(logged).not.toBe("");
  expect(logged).not.toContain("t.0000");
});

/** Polls, bounded. */
async function until(holds: () => boolean): Promise<void> {
  const deadline = Date.now() + 15_000;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error("it never came to hold");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
