/** How long a syslog sender may take, by a clock that the test holds. */
import { PassThrough } from "node:stream";
import { setImmediate as nextTurn } from "node:timers/promises";
import { pino } from "pino";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { storeUnavailable } from "../../../src/errors/store.ts";
import { Bursts } from "../../../src/ingest/connections/bursts.ts";
import { UnfinishedFrames } from "../../../src/ingest/connections/unfinished-frames.ts";
import { ingestLimits } from "../../../src/ingest/limits.ts";
import { AppendQueues } from "../../../src/ingest/queues/append-queues.ts";
import { FrameRouter } from "../../../src/ingest/routing/router.ts";
import { SyslogConnection } from "../../../src/ingest/syslog/syslog-connection.ts";
import { SyslogWriter } from "../../../src/ingest/syslog/syslog-writer.ts";
import { turnMsMax } from "../../../src/turns.ts";
import { FakeClock, settled } from "../../support/fake-clock.ts";
import { octetCounted, shuttleFrame } from "../../support/frames.ts";
import { alone, channelOf, FakeTokens, silent, tokenOf } from "../registry.ts";
import { ScriptedLog } from "../scripted-log.ts";

const limits = { ...ingestLimits, firstTokenMs: 10_000, frameMsMax: 30_000 };
const token = tokenOf(1);
const line = shuttleFrame("x", { app: token });

let nowMs: number;
let clock: FakeClock;
let log: ScriptedLog;
let tokens: FakeTokens;
let unfinished: UnfinishedFrames;
let socket: PassThrough;
let connection: SyslogConnection;
let noted: string[];

beforeEach(() => {
  nowMs = 1_000;
  vi.spyOn(performance, "now").mockImplementation(() => nowMs);
  clock = new FakeClock();
  log = new ScriptedLog();
  tokens = new FakeTokens();
  tokens.add(token, channelOf(1));
  noted = [];
  unfinished = new UnfinishedFrames(1 << 20);
  const faults = { note: (_: unknown, cause: string) => void noted.push(cause) };
  const queues = new AppendQueues({ log, clock, logger: silent, ...limits });
  const logger = pino({ level: "silent" });
  const options = { ...limits, ...alone, queues, tokens, logger, clock, faults };
  const router = new FrameRouter(options);
  const own = { fallbackOf: () => undefined, heard: () => {} };
  const parts = {
    router,
    unfinished,
    bursts: new Bursts({ waitingBytes: () => queues.budget.bytes, clock }),
    faults,
    options,
    ...own,
  };
  socket = Object.assign(new PassThrough(), { setTimeout: () => {}, remoteAddress: "10.0.0.1" });
  connection = new SyslogConnection(socket as never, parts, new SyslogWriter(options));
  void connection.run();
});
afterEach(() => {
  socket.destroy();
  vi.restoreAllMocks();
});

/** Writes, lets it be read, lets time go by and has the connection looked at. */
async function step(bytes: Uint8Array | string, ms: number): Promise<boolean> {
  if (bytes.length > 0) socket.write(bytes);
  await settled(8);
  nowMs += ms;
  connection.checkPace();
  return !socket.destroyed;
}

test("it has ten seconds to its first frame with a known token", async () => {
  expect(await step("", 9_999)).toBe(true);
  expect(await step(shuttleFrame("x", { app: tokenOf(7) }), 1)).toBe(false);
  expect(noted).toEqual(["unknown_token", "no_token_in_time"]);
});

test("with a known token it may be silent", async () => {
  expect(await step(line, 3_000_000)).toBe(true);
  expect(connection.isKnown).toBe(true);
  expect(noted).toEqual([]);
});

test("a frame that has begun has half a minute to its end, in however many pieces it comes", async () => {
  expect(await step(Buffer.concat([line, Buffer.from("500 <190>1")]), 10_000)).toBe(true);
  for (let n = 0; n < 19; n++) expect(await step("x", 1_000)).toBe(true);
  expect(await step("x", 999)).toBe(true);
  expect(await step("x", 1)).toBe(false);
  expect(noted).toEqual(["too_slow"]);
});

test("writes that end within frames are no slowness as long as each frame ends", async () => {
  let rest = line;
  for (let n = 0; n < 20; n++) {
    const next = Buffer.concat([rest, line]);
    expect(await step(next.subarray(0, next.length - 20), 29_000)).toBe(true);
    rest = next.subarray(next.length - 20);
  }
  expect(unfinished.bytes).toBeGreaterThan(0);
  expect(await step(rest, 3_000_000)).toBe(true);
  await clock.advance(20);
  expect(log.lines()).toHaveLength(21);
  expect(unfinished.bytes).toBe(0);
});

test("time in which it waits for us does not count", async () => {
  tokens.failure = storeUnavailable(new Error("gone"));
  for (let n = 0; n < 5; n++) {
    expect(await step(n === 0 ? Buffer.concat([line, Buffer.from("500 <190>")]) : "", 60_000)).toBe(true);
  }
  tokens.failure = undefined;
  await clock.advance(60_000);
  expect(await step("", 9_000)).toBe(true);
  expect(log.lines()).toHaveLength(1);
  expect(noted).toEqual([]);
});

test("the frames of one read are sorted in turns of five milliseconds, and keep their order", async () => {
  // A look at the clock takes five milliseconds here: each step of frames is a turn.
  vi.spyOn(performance, "now").mockImplementation(() => (nowMs += 5));
  let othersTurns = 0;
  const count = () => {
    othersTurns++;
    if (log.lines().length < 600) setImmediate(count);
  };
  setImmediate(count);
  const sent = Array.from({ length: 600 }, (_, n) => `line ${n}`);
  // Frames with a MSGID are looked at one by one.
  socket.write(
    Buffer.concat(
      sent.map((text) => octetCounted(`<190>1 2026-01-02T03:04:05Z h ${token} web.1 ID7 - ${text}`)),
    ),
  );
  await settled(40);
  expect(log.messages()).toEqual(sent);
  expect(othersTurns).toBeGreaterThanOrEqual(Math.floor(600 / 64));
});

test("frames of unknown tokens take turns with everybody else, also where the registry answers at once", async () => {
  const frames = 30;
  const find = tokens.find.bind(tokens);
  tokens.find = (unknown) => {
    nowMs += turnMsMax / 2;
    return find(unknown);
  };
  socket.write(Array.from({ length: frames }, (_, n) => shuttleFrame("x", { app: tokenOf(7 + n) })).join(""));
  let before = 0;
  let mostInTurn = 0;
  while (tokens.finds < frames) {
    await nextTurn();
    mostInTurn = Math.max(mostInTurn, tokens.finds - before);
    before = tokens.finds;
  }
  expect(mostInTurn).toBeLessThanOrEqual(4); // two in a turn of reads, which begins amid one of the event loop
});
