/** Loaded into the server before its own code: what its event loop and its collector did, and when it came to whose line. */
import { subscribe } from "node:diagnostics_channel";
import fs from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import {
  createHistogram,
  monitorEventLoopDelay,
  type PerformanceEntry,
  PerformanceObserver,
  performance,
} from "node:perf_hooks";
import { threadId } from "node:worker_threads";
import { clockMs, lineHeader, type Seen, type Worked } from "./steps.ts";
import { storedOnNats, watchNats } from "./watch-nats.ts";

export type Watched = {
  /** How much later than due a timer came, p99 and at most. */
  readonly loopP99Ms: number;
  readonly loopMaxMs: number;
  /** The share of the time in which the event loop worked. */
  readonly busy: number;
  /** Processor seconds of all threads in a second. */
  readonly cpu: number;
  /** A commit of the log on the disk, from the call to its answer, or a victim's publish to NATS until its acknowledgement, p99 and at most. */
  readonly commitP99Ms: number;
  readonly commitMaxMs: number;
  /** Collections of the young and of all objects: how many a second, ms a second, and the longest. */
  readonly young: Collections;
  readonly full: Collections;
  /** The lines of victims, by their numbers. */
  readonly seen: readonly (readonly [number, Seen])[];
  /** How long the process had worked by then, all threads, at most every 2 ms. */
  readonly worked: readonly Worked[];
};

export type Collections = { readonly perS: number; readonly msPerS: number; readonly maxMs: number };

type GcEntry = PerformanceEntry & { readonly detail: { readonly kind: number } };
type Times = { count: number; ms: number; maxMs: number };

const none = (): Times => ({ count: 0, ms: 0, maxMs: 0 });
const youngKinds = new Set([1, 2]);
const loop = monitorEventLoopDelay({ resolution: 2 });
const commits = createHistogram();
let young = none();
let full = none();
let startMs = 0;
let used = performance.eventLoopUtilization();
let cpu = process.cpuUsage();

new PerformanceObserver((list) => {
  for (const { duration, detail } of list.getEntries() as GcEntry[]) {
    const times = youngKinds.has(detail.kind) ? young : full;
    times.count++;
    times.ms += duration;
    times.maxMs = Math.max(times.maxMs, duration);
  }
}).observe({ entryTypes: ["gc"] });

type WriteDone = (error: NodeJS.ErrnoException | null, bytes: number) => void;

const acceptedAtMs = new WeakMap<Socket, number>();
const seen = new Map<number, Seen>();
let worked: Worked[] = [];
let writingAtMs = 0;
let writtenAtMs = 0;

subscribe("net.server.socket", (message) =>
  acceptedAtMs.set((message as { socket: Socket }).socket, clockMs()),
);
subscribe("http.server.request.start", (message) => {
  const { request, response } = message as { request: IncomingMessage; response: ServerResponse };
  const number = request.headers[lineHeader];
  if (number === undefined) return;
  const accepted = acceptedAtMs.get(request.socket) ?? 0;
  const line: Seen = { accepted, parsed: clockMs(), begun: 0, writing: 0, written: 0, answered: 0 };
  seen.set(Number(number), line);
  // The gate waits for the end of the response when it lets a request in.
  response.on("newListener", (event) => {
    if (event === "close" && line.begun === 0) line.begun = clockMs();
  });
  response.once("finish", () => {
    const { writing, written } = storedOnNats(Number(number)) ?? {
      writing: writingAtMs,
      written: writtenAtMs,
    };
    line.writing = writing;
    line.written = written;
    line.answered = clockMs();
  });
});

const { writev } = fs;
fs.writev = ((fd: number, parts: readonly Uint8Array[], at: number, done: WriteDone) => {
  writingAtMs = clockMs();
  writev(fd, parts, at, (error, bytes) => {
    writtenAtMs = clockMs();
    committed(writtenAtMs - writingAtMs);
    done(error, bytes);
  });
}) as typeof fs.writev;
const { wait } = Atomics;
// The journal waits for small commits.
Atomics.wait = ((memory: Int32Array, index: number, value: number, ms?: number) => {
  if (threadId !== 0) return wait(memory, index, value, ms);
  writingAtMs = clockMs();
  const woken = wait(memory, index, value, ms);
  writtenAtMs = clockMs();
  committed(writtenAtMs - writingAtMs);
  return woken;
}) as typeof Atomics.wait;
watchNats(committed);

function committed(ms: number): void {
  commits.record(Math.max(1, Math.round(ms * 1e3)));
}

const workedNow = (): Worked => {
  const { user, system } = process.cpuUsage();
  return { atMs: clockMs(), workMs: (user + system) / 1e3 };
};

setInterval(() => worked.push(workedNow()), 2).unref();

function reset(): void {
  young = none();
  full = none();
  loop.reset();
  loop.enable();
  commits.reset();
  seen.clear();
  worked = [workedNow()];
  startMs = performance.now();
  used = performance.eventLoopUtilization();
  cpu = process.cpuUsage();
}

function watched(): Watched {
  const seconds = (performance.now() - startMs) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const perSecond = ({ count, ms, maxMs }: Times) => ({ perS: count / seconds, msPerS: ms / seconds, maxMs });
  return {
    loopP99Ms: loop.percentile(99) / 1e6,
    loopMaxMs: loop.max / 1e6,
    busy: performance.eventLoopUtilization(used).utilization,
    cpu: (user + system) / 1e6 / seconds,
    commitP99Ms: commits.percentile(99) / 1e3,
    commitMaxMs: commits.max / 1e3,
    young: perSecond(young),
    full: perSecond(full),
    seen: [...seen],
    worked: [...worked, workedNow()],
  };
}

process.on("message", (asked) => {
  if (asked === "reset") reset();
  else process.send!(watched());
});
process.channel?.unref(); // threads of the server load this too
