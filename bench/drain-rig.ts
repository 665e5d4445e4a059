/** The part of the server that drains are: append queues, the engine, supervisor and sinks with the product's own bounds; and a receiver in a process of its own. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { pino } from "pino";
import { realClock } from "../src/clock.ts";
import type { CanonicalLines } from "../src/core/batch/batch.ts";
import { Canoniser } from "../src/core/batch/canonical.ts";
import { type ChannelId, newDrainId, newDrainToken } from "../src/core/ids.ts";
import { origin } from "../src/core/position.ts";
import { addressPolicy, loopbackCidrs } from "../src/drains/addresses.ts";
import { ConnectionSlots } from "../src/drains/connections/slots.ts";
import { Lookups } from "../src/drains/lookups.ts";
import { NameFiles } from "../src/drains/name-files.ts";
import { nameResolver } from "../src/drains/name-resolver.ts";
import { DrainNotices } from "../src/drains/notices.ts";
import { sinksFor } from "../src/drains/sink-for.ts";
import { BufferPool } from "../src/drains/sinks/buffers.ts";
import { DrainSupervisor } from "../src/drains/supervisor.ts";
import { ReadAheadBudget } from "../src/drains/worker/read-ahead-budget.ts";
import { openEmbedded } from "../src/engines/embedded.ts";
import { ingestLimits } from "../src/ingest/limits.ts";
import { AppendQueues } from "../src/ingest/queues/append-queues.ts";
import {
  drainLimits,
  encodeBuffersBytesMax,
  gatherMs,
  lookupLimits,
  noticeEveryMs,
  patternLimits,
  readAheadBytesMax,
  sinkLimits,
  slotLimits,
  supervisorLimits,
} from "../src/limits.ts";
import { Patterns } from "../src/patterns/patterns.ts";
import type { Store } from "../src/ports.ts";
import type { DrainRecord } from "../src/registry/records.ts";

const self = fileURLToPath(import.meta.url);
const lineBytes = 200;

export type DrainRig = {
  readonly queues: AppendQueues;
  readonly store: Store;
  close(): Promise<void>;
};

/** Opens everything, on a new folder or on one that is kept. */
export async function openDrainRig(given?: string): Promise<DrainRig> {
  const folder = given ?? (await mkdtemp(join(tmpdir(), "tailrace-bench-")));
  const logger = pino({ level: "warn" });
  const clock = realClock;
  const { log, store, close } = await openEmbedded({
    folder,
    clock,
    logger,
    retention: {
      ageMsMax: 604_800_000,
      channelBytesMax: 2 ** 30,
      channelLinesMax: Number.POSITIVE_INFINITY,
      totalBytesMax: 10 * 2 ** 30,
    },
  });
  const queues = new AppendQueues({ ...ingestLimits, log, clock, logger });
  const append = (channel: ChannelId, lines: CanonicalLines) => queues.append(channel, lines);
  const notices = new DrainNotices({ append, clock, logger, everyMs: noticeEveryMs });
  const slots = new ConnectionSlots({ ...slotLimits, clock });
  const patterns = new Patterns({ limits: patternLimits, logger });
  const supervisor = await DrainSupervisor.open({
    ...supervisorLimits,
    log,
    store,
    clock,
    random: Math.random,
    sinkFor: sinksFor({
      buffers: new BufferPool(encodeBuffersBytesMax),
      ...sinkLimits,
      userAgent: "Logplex/tailrace-bench",
      policy: addressPolicy(loopbackCidrs),
      clock,
      resolve: new Lookups(
        { ...lookupLimits, clock },
        nameResolver({ ...lookupLimits, files: new NameFiles() }),
      ).resolve,
    }),
    slots,
    readAhead: new ReadAheadBudget(readAheadBytesMax, { gatherMs }),
    patterns,
    notices,
    limits: drainLimits,
    logger,
  });
  return {
    queues,
    store,
    async close() {
      await supervisor.close();
      await patterns.close();
      slots.close();
      await notices.close();
      await queues.close();
      await close();
      if (given === undefined) await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Creates a drain that delivers a channel from its first line on. */
export async function addDrain(store: Store, channel: ChannelId, url: string): Promise<DrainRecord> {
  const now = new Date().toISOString();
  const record: DrainRecord = {
    id: newDrainId(),
    number: 1,
    token: newDrainToken(),
    channel,
    url,
    createdAt: now,
    updatedAt: now,
    start: { position: origin, line: 0 },
    paused: false,
  };
  await store.put(`drain/${record.id}`, record, 0);
  return record;
}

/** Canonical lines of 200 bytes. Each holds the time when it was made. */
export function linesOf(count: number, sent = String(process.hrtime.bigint())): CanonicalLines {
  const canoniser = new Canoniser("app");
  const head = "<190>1 2026-01-02T03:04:05.000006+00:00 h app web.1 - - ";
  const text = `sent=${sent} `.padEnd(lineBytes - head.length, "x");
  const frame = Buffer.from(`${head}${text}\n`);
  for (let n = 0; n < count; n++) canoniser.add(frame, 0, frame.length, 0);
  return canoniser.take();
}

/** What a receiver got since it was last asked: the number of lines, and the age of each request's first line. */
type Got = {
  readonly lines: number;
  readonly requests: number;
  readonly latenciesMs: readonly number[];
  /** The time of making of each of these lines, as it is written in it. */
  readonly sent: readonly string[];
};

/** A receiver in a process of its own. */
export class Receiver {
  readonly url: string;
  readonly #child: ChildProcess;

  private constructor(url: string, child: ChildProcess) {
    this.url = url;
    this.#child = child;
  }

  static async open(scheme: "http" | "syslog" = "http"): Promise<Receiver> {
    const child = fork(self, ["receiver", scheme], { execArgv: [], stdio: "inherit" });
    const [url] = (await once(child, "message")) as [string];
    return new Receiver(url, child);
  }

  async got(): Promise<Got> {
    this.#child.send("got");
    const [got] = (await once(this.#child, "message")) as [Got];
    return got;
  }

  /** Resolves once `lines` lines have come, to the seconds that this took. */
  async seconds(lines: number): Promise<number> {
    const startedMs = performance.now();
    for (let seen = (await this.got()).lines; seen < lines; seen += (await this.got()).lines) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return (performance.now() - startedMs) / 1000;
  }

  close(): void {
    this.#child.kill();
  }
}

/** Counts lines, and notes the time in the first line of each read. */
class Counter {
  lines = 0;
  requests = 0;
  #latenciesMs: number[] = [];
  #sent: string[] = [];

  note(text: string): void {
    const now = process.hrtime.bigint();
    const stamp = / sent=([0-9]+) /.exec(text)?.[1];
    if (stamp === undefined) return;
    this.#sent.push(stamp);
    this.#latenciesMs.push(Number(now - BigInt(stamp)) / 1e6);
  }

  take(): Got {
    const got = {
      lines: this.lines,
      requests: this.requests,
      latenciesMs: this.#latenciesMs,
      sent: this.#sent,
    };
    this.lines = this.requests = 0;
    this.#latenciesMs = [];
    this.#sent = [];
    return got;
  }
}

function receiveHttp(counter: Counter): Server {
  return createServer((request, response) => {
    let isFirst = true;
    request.on("data", (chunk: Buffer) => {
      if (isFirst) counter.note(chunk.toString("latin1", 0, lineBytes));
      isFirst = false;
    });
    request.on("end", () => {
      counter.lines += Number(request.headers["logplex-msg-count"]);
      counter.requests++;
      response.writeHead(204).end();
    });
  });
}

/** Counts octet-counted frames over TCP: the length of one says where the next begins. */
function receiveSyslog(counter: Counter): Server {
  return createTcpServer((socket) => {
    let left = 0; // of the frame under way
    let length = 0; // digits of the next one's count so far
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => {
      counter.requests++;
      let isFirst = true;
      for (let at = 0; at < chunk.length; ) {
        if (left > 0) {
          const taken = Math.min(left, chunk.length - at);
          left -= taken;
          at += taken;
          if (left === 0) counter.lines++;
          continue;
        }
        const digit = chunk[at++]!;
        if (digit !== 0x20) {
          length = 10 * length + digit - 0x30;
          continue;
        }
        left = length;
        length = 0;
        if (isFirst) counter.note(chunk.toString("latin1", at, at + lineBytes));
        isFirst = false;
      }
    });
  });
}

function receive(scheme: string): void {
  const counter = new Counter();
  const server = scheme === "syslog" ? receiveSyslog(counter) : receiveHttp(counter);
  server.listen(0, "127.0.0.1", () =>
    process.send!(`${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`),
  );
  process.on("message", () => process.send!(counter.take()));
}

if (process.argv[1] === self && process.argv[2] === "receiver") receive(process.argv[3]!);
