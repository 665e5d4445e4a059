import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import fc from "fast-check";
import { pino } from "pino";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { realClock } from "../../../src/clock.ts";
import { storeFull, storeUnavailable } from "../../../src/errors/store.ts";
import { ingestLimits } from "../../../src/ingest/limits.ts";
import { AppendQueues } from "../../../src/ingest/queues/append-queues.ts";
import { syslogListener } from "../../../src/ingest/syslog/syslog.ts";
import {
  droppedConnections,
  malformedFrames,
  syslogConnections,
  syslogLostLines,
  unknownTokenFrames,
} from "../../../src/metrics.ts";
import { octetCounted, shuttleFrame } from "../../support/frames.ts";
import { until } from "../../support/until.ts";
import { channelOf, FakeTokens, tokenOf } from "../registry.ts";
import { ScriptedLog } from "../scripted-log.ts";

type Bounds = Partial<Record<keyof typeof ingestLimits, number>>;

const app = channelOf(1);
const token = tokenOf(1);

/** The token of a drain of ours. */
const ours = "d.00000000-0000-4000-8000-000000000001";

let log: ScriptedLog;
let noted: { cause: string; count: number; sample: string | undefined }[];
let refused: [drainToken: string, isNotice: boolean | undefined][];
let tokens: FakeTokens;
let queues: AppendQueues;
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
  logged = "";
  const logger = pino({}, { write: (line: string) => void (logged += line) });
  queues = new AppendQueues({ log, clock: realClock, logger, ...ingestLimits, ...bounds });
  const limits = { ...ingestLimits, ...bounds };
  noted = [];
  refused = [];
  listener = await syslogListener({
    host: "127.0.0.1",
    port: 0,
    queues,
    tokens,
    loops: {
      isOurs: (drainToken) => drainToken === ours,
      refused: (drainToken, isNotice) => void refused.push([drainToken, isNotice]),
    },
    faults: {
      note: (_, cause, count = 1, sample) => void noted.push({ cause, count, sample: sample?.() }),
    },
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

/** How much later it is than the machine's clock says. */
let laterMs = 0;
const goBy = (ms: number) => {
  laterMs += ms;
};
const { now } = performance;
beforeEach(() => {
  vi.spyOn(performance, "now").mockImplementation(() => now.call(performance) + laterMs);
});
afterEach(() => vi.restoreAllMocks());

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

test("lines that end with a newline or NUL are taken beside counted frames, whole at the end of the stream", async () => {
  const line = (text: string) => Buffer.from(`<190>1 - h ${token} web.1 - - ${text}`);
  const parts = [to(1, "a"), line("b\n"), to(1, "c"), line("d\r\n\n"), line("e\0"), line("no newline")];
  await send(Buffer.concat(parts));
  await until(() => log.lines().length === 6);
  expect(log.messages(app)).toEqual(["a\n", "b", "c\n", "d", "e", "no newline"]);
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
  socket.write(Buffer.concat([to(1, "a"), Buffer.from(`${256 * 1024 + 1} <`)]));
  await closed;
  await until(() => log.lines().length === 1);
  expect((await count(droppedConnections)) - before).toBe(1);
  expect(noted).toMatchObject([{ cause: "frame_too_long" }]);
});

test("a frame of 256 KiB is taken", async () => {
  const head = `<190>1 2026-01-02T03:04:05.000006+00:00 h ${token} web.1 - - `;
  const message = "x".repeat(256 * 1024 - head.length);
  await send(octetCounted(head + message));
  await until(() => log.lines().length === 1);
  expect(log.messages(app)).toEqual([message]);
});

test("each way to be set up wrongly is told by its cause, with the first bytes and no token", async () => {
  const wrong: [cause: string, bytes: Uint8Array, sample: string][] = [
    ["http", Buffer.from("GET /logs HTTP/1.1\r\nHost: here\r\n\r\n"), "GET /logs HTTP/1.1"],
    ["tls", Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01]), "\\x16\\x03\\x01\\x02\\x00\\x01"],
    ["no_token", octetCounted("<190>1 - h app web.1 - - x"), "<190>1 - h app web.1 - - x"],
    ["unknown_token", octetCounted(`<190>1 - h ${tokenOf(77)} web.1 - - x`), "<190>1 - h … web.1 - - x"],
    ["unreadable", octetCounted(`<190>2 - h ${token} web.1 - - x`), "<190>2 - h … web.1 - - x"],
    ["unfinished", Buffer.from(`99 <190>1 - h ${token}`), ""],
  ];
  for (const [cause, bytes, sample] of wrong) {
    noted = [];
    await send(bytes);
    await until(() => noted.length > 0);
    expect(noted[0]).toMatchObject({ cause, ...(sample !== "" && { sample }) });
  }
});

test("a token is in no line, whatever is wrong with the frame that brought it", async () => {
  const bad = readFileSync(new URL("../../fixtures/field/token-in-bad-head.frames", import.meta.url));
  expect(bad.includes(token)).toBe(true);
  await send(bad);
  await until(() => log.lines(app).length === 3);
  expect(log.messages(app)).toEqual([
    "two blanks",
    expect.stringMatching(/^2 .* web\.1 - - version 2$/),
    expect.stringMatching(/^1 2024.* box /),
  ]);
  expect(JSON.stringify(log.lines())).not.toContain(token);
  expect(JSON.stringify(log.lines())).not.toContain("00000000-0000");
});

test("BSD frames are routed by their tag", async () => {
  const bsd = (tag: string, text: string) => octetCounted(`<34>Feb  3 04:05:06 box ${tag}: ${text}`);
  await send(Buffer.concat([bsd(token, "a"), bsd(`${tokenOf(2)}[web.2]`, "b"), bsd("cron", "no token")]));
  await until(() => log.lines().length === 2);
  expect(log.lines(app)).toEqual(["app - -|a"]);
  expect(log.lines(channelOf(2))).toEqual(["app web.2 -|b"]);
  expect(noted).toMatchObject([{ cause: "no_token", count: 1 }]);
});

test("lines that a drain of ours sent are dropped, whatever their token, and its owner is told", async () => {
  const sent = (app: string, process = "web.1") =>
    octetCounted(`<190>1 2026-01-02T03:04:05Z ${ours} ${app} ${process} - - x`);
  await send(Buffer.concat([sent(token), sent("app"), sent("heroku", "logplex"), to(1, "kept")]));
  await until(() => log.lines().length === 1);
  expect(refused).toEqual([
    [ours, false],
    [ours, false],
    [ours, true],
  ]);
  expect(noted).toMatchObject([{ cause: "drain_loop", count: 3 }]);
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
  expect(queues.budget.bytes).toBeLessThan(200_000);
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

test("while memory is tight, a connection whose lines wait is not read before there is room", async () => {
  await restart({ memoryBytesMax: 3_000 });
  log.holding = true;
  const first = await open();
  await write(first, to(1, "a".repeat(1_500)));
  await until(() => log.heldCount === 1);
  await write(first, to(2, "b"));
  await write(await open(), to(3, "c"));
  await until(() => log.heldCount === 2);
  log.holding = false;
  log.release(2);
  await until(() => log.lines().length === 3);
  expect(log.stored.at(-1)!.channel).toBe(channelOf(2));
  await until(() => queues.budget.bytes === 0);
});

test("a registry that fails is asked again, and no line is lost", async () => {
  tokens.failure = storeUnavailable(new Error("gone"));
  const sent = send(Buffer.concat([to(1, "a"), to(2, "b"), to(1, "c")]));
  await until(() => tokens.finds > 1);
  tokens.failure = undefined;
  await until(() => log.lines().length === 3);
  expect(log.messages(app)).toEqual(["a\n", "c\n"]);
  await sent;
});

test("one connection too many: one without a known token makes room, or the new one is closed", async () => {
  await restart({ connectionsMax: 2 });
  const before = await count(droppedConnections);
  const first = await open();
  await write(first, to(1, "a"));
  await until(() => log.lines().length === 1);
  const silent = await open();
  const second = await open();
  await once(silent.resume(), "close");
  await write(second, to(2, "b"));
  await until(() => log.lines().length === 2);
  const third = await open();
  await once(third.resume(), "close");
  await write(first, to(1, "c"));
  await until(() => log.lines().length === 3);
  expect((await count(droppedConnections)) - before).toBe(2);
  expect(noted.map(({ cause }) => cause)).toEqual(["too_many", "too_many"]);
});

test("connections of one address have a bound of their own", async () => {
  await restart({ addressConnectionsMax: 1 });
  await write(await open(), to(1, "a"));
  await until(() => log.lines().length === 1);
  await once((await open()).resume(), "close");
  expect(noted.map(({ cause }) => cause)).toEqual(["too_many_of_address"]);
});

test("a connection that brings no known token in time is closed; one that did stays", async () => {
  await restart({ firstTokenMs: 100 });
  const known = await open();
  await write(known, to(1, "a"));
  const silent = await open();
  const stranger = await open();
  await write(stranger, to(77, "unknown"));
  await until(() => log.lines().length === 1 && noted.length === 1);
  goBy(100);
  await Promise.all([once(silent.resume(), "close"), once(stranger.resume(), "close")]);
  await write(known, to(1, "b"));
  await until(() => log.lines().length === 2);
  expect(noted.map(({ cause }) => cause)).toEqual(["unknown_token", "no_token_in_time", "no_token_in_time"]);
});

test("a frame that does not end in time closes its connection, however it trickles in", async () => {
  await restart({ frameMsMax: 100 });
  const socket = await open();
  const closed = new Promise((resolve) => socket.resume().once("close", resolve));
  socket.on("error", () => {}); // what is written to a closed connection resets it
  await write(socket, Buffer.concat([to(1, "a"), Buffer.from("500 <190>1 ")]));
  await until(() => log.lines().length === 1);
  for (let n = 0; n < 5; n++) {
    goBy(20);
    await write(socket, Buffer.from("x")).catch(() => {}); // closed already
  }
  await closed;
  expect(log.messages(app)).toEqual(["a\n"]);
  expect(noted.map(({ cause }) => cause)).toEqual(["too_slow"]);
});

test("unfinished frames share a bound: the one that was kept for longest is closed", async () => {
  await restart({ unfinishedBytesMax: 20_000 });
  const begun = Buffer.from(`9000 ${"x".repeat(5_000)}`);
  const first = await open();
  const closed = once(first.resume(), "close");
  await write(first, begun);
  // Each is read before the next one comes.
  for (let number = 2; number <= 3; number++) {
    const socket = await open();
    await write(socket, Buffer.concat([to(number, "read"), begun]));
    await until(() => log.lines().length === number - 1);
  }
  await closed;
  expect(noted.map(({ cause }) => cause)).toEqual(["no_room"]);
});

test("what all connections have read and not written has a bound, and each goes on with one read", async () => {
  await restart({ memoryBytesMax: 2_000, connectionBytesMax: 100_000_000 });
  log.holding = true;
  const lines = Buffer.concat(Array.from({ length: 4_000 }, (_, i) => to(1, `${i} ${"x".repeat(500)}`)));
  const socket = await open();
  socket.write(lines);
  await until(() => log.heldCount === 1);
  // What could be read of the first one is, by the time that ten others were.
  for (let number = 2; number <= 11; number++) {
    await write(await open(), to(number, "read"));
    await until(() => log.heldCount === number);
  }
  expect(queues.budget.bytes).toBeLessThan(200_000);
  log.holding = false;
  log.release(11);
  await until(() => log.lines().length === 4_010);
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
