/**
 * How long is it from a line's append until a tail has it, at 10,000 lines a second? The server (append queues, the engine, stream
 * route) is a process of its own; senders append ten lines at a time, evenly; the client reads events over HTTP and
 * compares the monotonic clock with the time written into each line. Run: node bench/follow-latency.ts [seconds]
 */
import { type ChildProcess, fork } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { get, type IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import Fastify from "fastify";
import { pino } from "pino";
import { realClock } from "../src/clock.ts";
import { Canoniser } from "../src/core/batch/canonical.ts";
import { newChannelId } from "../src/core/ids.ts";
import { openEmbedded } from "../src/engines/embedded.ts";
import { AppendQueues } from "../src/ingest/queues/append-queues.ts";
import { patternLimits, tailLimits } from "../src/limits.ts";
import { Patterns } from "../src/patterns/patterns.ts";
import { operatorKeyId } from "../src/registry/keys.ts";
import { sessionStreams } from "../src/tail/http.ts";
import { Recent } from "../src/tail/recent.ts";
import { SessionUrls, sessionIdCharsMax } from "../src/tail/session-url.ts";
import { sessionParts } from "../src/tail/tail-part.ts";
import { Tails } from "../src/tail/tails.ts";

type FollowLatency = {
  readonly lines: number;
  readonly linesPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** Of that, until the append was durable. */
  readonly appendP50Ms: number;
  readonly appendP99Ms: number;
};

const self = fileURLToPath(import.meta.url);
const linesPerAppend = 10;
const warmUpSeconds = 1;

/** Runs the question once, after a second of warming up. */
export async function followLatency({
  linesPerSecond = 10_000,
  seconds = 5,
}: {
  linesPerSecond?: number;
  seconds?: number;
} = {}): Promise<FollowLatency> {
  const lines = linesPerSecond * (seconds + warmUpSeconds);
  const server = fork(self, ["server", String(lines), String(linesPerSecond)], { stdio: "inherit" });
  try {
    const [url] = (await once(server, "message")) as [string];
    const appended = once(server, "message").then(([latenciesMs]) => latenciesMs as number[]);
    const read = await readAll(url, lines, server);
    const follow = quantiles(read.slice(linesPerSecond * warmUpSeconds));
    const append = quantiles((await appended).slice((linesPerSecond / linesPerAppend) * warmUpSeconds));
    return {
      lines: lines - linesPerSecond * warmUpSeconds,
      linesPerSecond,
      p50Ms: follow(0.5),
      p99Ms: follow(0.99),
      maxMs: follow(1),
      appendP50Ms: append(0.5),
      appendP99Ms: append(0.99),
    };
  } finally {
    server.kill();
  }
}

function quantiles(values: readonly number[]): (share: number) => number {
  const sorted = values.toSorted((a, b) => a - b);
  return (share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
}

// Reads `lines` events; they are numbered by the order they come in.
async function readAll(url: string, lines: number, server: ChildProcess): Promise<number[]> {
  const latenciesMs: number[] = [];
  const request = get(url, { headers: { accept: "text/event-stream" } });
  const [response] = (await once(request, "response")) as [IncomingMessage];
  server.send("go");
  let rest = "";
  for await (const chunk of response.setEncoding("utf8")) {
    const now = process.hrtime.bigint();
    rest += chunk;
    for (let end = rest.indexOf("\n\n"); end !== -1; end = rest.indexOf("\n\n")) {
      const sent = / sent=([0-9]+) /.exec(rest.slice(0, end));
      if (sent !== null) latenciesMs.push(Number(now - BigInt(sent[1]!)) / 1e6);
      rest = rest.slice(end + 2);
    }
    if (latenciesMs.length === lines) return latenciesMs;
  }
  throw new Error(`the stream ended after ${latenciesMs.length} of ${lines} lines`);
}

async function serve(lines: number, linesPerSecond: number): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "tailrace-bench-"));
  const engine = await openEmbedded({
    folder,
    clock: realClock,
    logger: pino({ level: "warn" }),
    retention: {
      ageMsMax: 604_800_000,
      channelBytesMax: 64 << 20,
      channelLinesMax: Infinity,
      totalBytesMax: 10 * 2 ** 30,
    },
  });
  const { log } = engine;
  const pending = {
    memoryBytesMax: 64 << 20,
    queueBytesMax: 16 << 20,
    batchBytesMax: 1 << 20,
    channelsMax: 100,
  };
  const queues = new AppendQueues({ log, clock: realClock, logger: pino({ level: "warn" }), ...pending });
  const recent = new Recent({
    log,
    clock: realClock,
    historyLines: 1500,
    expiryMs: 604_800_000,
    ringsBytesMax: 64 << 20,
  });
  const patterns = new Patterns({ limits: patternLimits, logger: pino({ level: "warn" }) });
  const given = { log, recent, clock: realClock, selector: patterns.selector };
  const tails = new Tails({
    tailsMax: 10,
    tailsPerAppMax: 10,
    heartbeatMs: 15_000,
    stallMsMax: 3_600_000,
    historyStallMsMax: 60_000,
    unreadBytesMax: 1 << 27,
    closeMsMax: 1000,
  });
  const urls = new SessionUrls({ secret: randomBytes(32), clock: realClock, operatorSecret: "" });
  const server = Fastify({ routerOptions: { maxParamLength: sessionIdCharsMax } });
  await server.register(sessionStreams, {
    parts: sessionParts(given, tailLimits),
    urls,
    tails,
    rights: { take: async () => ({ over: new AbortController().signal, release() {} }) },
  });
  const origin = await server.listen({ host: "127.0.0.1", port: 0 });
  const channel = newChannelId();
  const id = urls.issue({ keyId: operatorKeyId, channel, lines: 0, tail: true, filter: {}, format: "text" });
  process.on("SIGTERM", async () => {
    await rm(folder, { recursive: true, force: true });
    process.exit();
  });
  process.send?.(`${origin}/sessions/${id}`);
  await once(process, "message");

  const durable = async (append: Promise<unknown>): Promise<number> => {
    const sentMs = performance.now();
    await append;
    return performance.now() - sentMs;
  };
  const appends: Promise<number>[] = [];
  const startedMs = performance.now();
  let appended = 0;
  const timer = setInterval(() => {
    const due = Math.min(lines, ((performance.now() - startedMs) / 1000) * linesPerSecond);
    for (; appended + linesPerAppend <= due; appended += linesPerAppend) {
      const canoniser = new Canoniser("app");
      for (let n = 0; n < linesPerAppend; n++) {
        const text = `sent=${process.hrtime.bigint()} ${"x".repeat(90)}`;
        const frame = Buffer.from(`<190>1 2026-01-02T03:04:05.000006+00:00 h app web.1 - - ${text}\n`);
        canoniser.add(frame, 0, frame.length, 0);
      }
      appends.push(durable(queues.append(channel, canoniser.take(), "http")));
    }
    if (appended < lines) return;
    clearInterval(timer);
    void Promise.all(appends).then((latenciesMs) => process.send?.(latenciesMs));
  }, 1);
}

if (process.argv[1] === self) {
  if (process.argv[2] === "server") {
    await serve(Number(process.argv[3]), Number(process.argv[4]));
  } else {
    const seconds = Number(process.argv[2] ?? 5);
    const found = await followLatency({ seconds });
    const ms = (p50: number, p99: number) => `p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms`;
    console.log(`${found.lines} lines at ${found.linesPerSecond} a second`);
    console.log(`from append to tail: ${ms(found.p50Ms, found.p99Ms)}, max ${found.maxMs.toFixed(2)} ms`);
    console.log(`of that, until durable: ${ms(found.appendP50Ms, found.appendP99Ms)}`);
  }
}
