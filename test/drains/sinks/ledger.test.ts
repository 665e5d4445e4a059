/** A ledger for each kind of sink: a worker over a log, a receiver that fails in seeded ways until it is healed. */
import type { Socket } from "node:net";
import { pino } from "pino";
import { afterEach, expect, test } from "vitest";
import { realClock } from "../../../src/clock.ts";
import { ReadAhead } from "../../../src/drains/backlog.ts";
import { sinksFor } from "../../../src/drains/sink-for.ts";
import { Sockets } from "../../../src/drains/sockets.ts";
import { DrainWorker } from "../../../src/drains/worker.ts";
import { openMemory } from "../../../src/engines/memory.ts";
import { batchOf, until } from "../../support/batches.ts";
import { readOtlp } from "../../support/otlp-receiver.ts";
import { messagesOf } from "../../support/peer.ts";
import { openRawPeer } from "../../support/raw-peer.ts";
import { SyslogReader } from "../../support/syslog-receiver.ts";
import { ca, serverTls } from "../../support/tls.ts";
import { channel, drainOf, keepAll, limits } from "../rig.ts";
import { ample, sinkOptions } from "./parts.ts";

const linesMax = 602;
const linesEach = 7;
const faultsMax = 40;

/** What is to happen to the next thing that arrives; "take" from the moment that the receiver is healed. */
type Fate = "take" | "reset" | "end" | "error" | "too large" | "take and reset" | "bad";
type World = { fate(): Fate; take(texts: readonly string[]): void };

/** mulberry32. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function speakHttp(read: (body: Buffer) => readonly string[]) {
  return (socket: Socket, reset: () => void, world: World): void => {
    let held = Buffer.alloc(0);
    socket.on("data", (chunk: Buffer) => {
      held = Buffer.concat([held, chunk]);
      const headEnd = held.indexOf("\r\n\r\n");
      if (headEnd === -1) return;
      const length = Number(/^content-length: (\d+)/im.exec(held.toString("latin1", 0, headEnd))![1]);
      if (held.length < headEnd + 4 + length) return;
      const texts = read(held.subarray(headEnd + 4, headEnd + 4 + length));
      held = Buffer.alloc(0);
      const fate = world.fate();
      const status = { take: 204, error: 503, "too large": 413, bad: 400 }[fate as string];
      if (fate === "take" || fate === "take and reset") world.take(texts);
      if (status !== undefined) socket.write(`HTTP/1.1 ${status} X\r\nContent-Length: 0\r\n\r\n`);
      else if (fate === "end") socket.end();
      else reset();
    });
  };
}

function speakSyslog(socket: Socket, reset: () => void, world: World): void {
  const reader = new SyslogReader();
  let isEnded = false; // who ends in order reads what was on its way
  let isGone = false;
  socket.on("data", (chunk: Buffer) => {
    const fate = isEnded ? "take" : world.fate();
    if (fate === "reset") {
      isGone = true; // crashed: nothing from this chunk on was read
      reset();
    }
    if (isGone) return;
    reader.push(chunk);
    world.take(reader.frames.splice(0).map(({ message }) => message.trimEnd()));
    if (fate === "take and reset") {
      isGone = true;
      reset();
    } else if (fate === "end") {
      isEnded = true;
      socket.end();
    }
  });
}

const otlpTexts = (body: Buffer) =>
  readOtlp(body).resourceLogs.flatMap(({ scopeLogs }) =>
    scopeLogs.flatMap(({ logRecords }) => logRecords.map(({ body: value }) => value.stringValue!)),
  );

const kinds = {
  https: { url: "https://localhost", rest: { ca }, tls: serverTls, speak: speakHttp(messagesOf) },
  otlp: { url: "http://localhost", rest: { format: "otlp" }, tls: undefined, speak: speakHttp(otlpTexts) },
  syslog: { url: "syslog://localhost", rest: {}, tls: undefined, speak: speakSyslog },
  "syslog+tls": { url: "syslog+tls://localhost", rest: { ca }, tls: serverTls, speak: speakSyslog },
} as const;

const opened: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});

test.each(
  (Object.keys(kinds) as (keyof typeof kinds)[]).flatMap((kind) => [1, 2, 3].map((seed) => ({ kind, seed }))),
)("$kind, seed $seed: every line arrives or is counted, exactly", async ({ kind, seed }) => {
  const { url, rest, tls, speak } = kinds[kind];
  const random = randomOf(seed);
  const seen = new Map<string, number>();
  let isHealed = false;
  let faults = 0;
  const fates: readonly Fate[] = [
    "take",
    "take",
    "reset",
    "end",
    "error",
    "too large",
    "take and reset",
    "bad",
  ];
  const world: World = {
    fate() {
      const fate = isHealed || faults >= faultsMax ? "take" : fates[Math.floor(random() * fates.length)]!;
      if (fate !== "take") faults++;
      return fate;
    },
    take: (texts) => {
      for (const text of texts) seen.set(text, (seen.get(text) ?? 0) + 1);
    },
  };
  const peer = await openRawPeer((socket, _index, reset) => speak(socket, reset, world), {
    ...(tls && { tls }),
  });
  opened.push(peer);
  const engine = await openMemory({ clock: realClock, retention: keepAll });
  opened.push(engine);
  const drain = drainOf(1, { url: `${url}:${peer.port}`, ...rest, filter: { exclude: "odd one out" } });
  const worker = await DrainWorker.open(
    drain,
    {
      key: "odd",
      keeps: (line) => !Buffer.from(line.bytes.subarray(line.messageStart, line.end)).includes("odd"),
    },
    {
      ...engine,
      clock: realClock,
      random,
      sinkFor: sinksFor({ ...sinkOptions, ...ample }),
      sockets: new Sockets({
        socketsMax: 10,
        idleMsMax: 60_000,
        failingMax: 5,
        failingEveryMs: 5,
        clock: realClock,
      }),
      readAhead: new ReadAhead(1 << 20),
      notices: { lost() {}, refused() {}, certificate() {}, expiring() {} },
      limits: {
        ...limits,
        parcelLinesMax: 20,
        commitMsMax: 1,
        retry: { ...limits.retry, delayMsMin: 1, delayMsMax: 5 },
      },
      logger: pino({ level: "silent" }),
    },
  );
  opened.push({ close: () => worker.stop(0) });
  const append = async (firstLine: number) => {
    const texts = Array.from({ length: linesEach }, (_, n) => `${n === 3 ? "odd" : "line"} ${firstLine + n}`);
    await engine.log.append(channel, { ...batchOf(texts), firstLine, acceptedAtMs: Date.now() });
  };
  for (let line = 0; line < linesMax; line += linesEach) await append(line);
  await until(() => worker.state.line === linesMax, 15_000);
  isHealed = true;
  const { line, delivered, refused, lost, filtered } = worker.state;
  expect(delivered + refused + lost + filtered).toBe(line);
  expect(lost).toBe(0);
  expect(filtered).toBe(linesMax / linesEach);
  expect(faults).toBeGreaterThan(10);
  await until(() => seen.size >= delivered, 5_000);
  // On https a parcel may have been taken before its connection broke, and be refused when it came again.
  expect(seen.size).toBeLessThanOrEqual(delivered + refused);
  if (kind.startsWith("syslog"))
    expect({ seen: seen.size, refused }).toEqual({ seen: delivered, refused: 0 });
});
