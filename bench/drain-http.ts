/**
 * How many lines a second does one drain deliver over HTTP, and what does a line cost? Lines of 200 bytes through
 * append queues and the engine to a receiver in a process of its own: first a drain that catches up on lines that wait, then one
 * that follows while lines come as fast as they are made durable. Run: node bench/drain-http.ts [lines]
 */
import { fileURLToPath } from "node:url";
import { newChannelId } from "../src/core/ids.ts";
import { addDrain, type DrainRig, linesOf, openDrainRig, Receiver } from "./drain-rig.ts";

export type DrainHttp = {
  readonly lines: number;
  /** Appends alone, no drain. */
  readonly appendLinesPerSecond: number;
  readonly appendUsPerLine: number;
  readonly catchUpLinesPerSecond: number;
  /** CPU of the server's process, for a line, of its delivery alone. */
  readonly catchUpUsPerLine: number;
  readonly liveLinesPerSecond: number;
  /** CPU of the server's process, for a line, from append to delivery. */
  readonly liveUsPerLine: number;
};

const linesEach = 100;
const appendsAtOnce = 32;

type Measured = { readonly seconds: number; readonly cpuUs: number };

async function measure(work: () => Promise<unknown>): Promise<Measured> {
  const cpu = process.cpuUsage();
  const startedMs = performance.now();
  await work();
  const { user, system } = process.cpuUsage(cpu);
  return { seconds: (performance.now() - startedMs) / 1000, cpuUs: user + system };
}

async function appendAll({ queues }: DrainRig, channel: ReturnType<typeof newChannelId>, lines: number) {
  const body = linesOf(linesEach);
  let left = lines / linesEach;
  const sender = async () => {
    while (left-- > 0) await queues.append(channel, body, "http");
  };
  await Promise.all(Array.from({ length: appendsAtOnce }, sender));
}

/** Runs the question once. */
export async function drainHttp({
  lines = 500_000,
  scheme = "http",
}: {
  lines?: number;
  scheme?: "http" | "syslog";
} = {}): Promise<DrainHttp> {
  const receiver = await Receiver.open(scheme);
  const rig = await openDrainRig();
  try {
    const warm = newChannelId();
    await addDrain(rig.store, warm, receiver.url);
    await appendAll(rig, warm, lines / 5);
    await receiver.seconds(lines / 5);

    const waiting = newChannelId();
    const append = await measure(() => appendAll(rig, waiting, lines));
    const catchUp = await measure(async () => {
      await addDrain(rig.store, waiting, receiver.url);
      await receiver.seconds(lines);
    });

    const followed = newChannelId();
    await addDrain(rig.store, followed, receiver.url);
    const live = await measure(async () => {
      await appendAll(rig, followed, lines);
      await receiver.seconds(lines);
    });
    return {
      lines,
      appendLinesPerSecond: lines / append.seconds,
      appendUsPerLine: append.cpuUs / lines,
      catchUpLinesPerSecond: lines / catchUp.seconds,
      catchUpUsPerLine: catchUp.cpuUs / lines,
      liveLinesPerSecond: lines / live.seconds,
      liveUsPerLine: live.cpuUs / lines,
    };
  } finally {
    await rig.close();
    receiver.close();
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const found = await drainHttp({ lines: Number(process.argv[2] ?? 500_000) });
  const row = (perSecond: number, us: number) =>
    `${Math.round(perSecond)} lines/s, ${us.toFixed(2)} µs CPU a line`;
  console.log(`append alone: ${row(found.appendLinesPerSecond, found.appendUsPerLine)}`);
  console.log(`a drain catching up: ${row(found.catchUpLinesPerSecond, found.catchUpUsPerLine)}`);
  console.log(`append and drain: ${row(found.liveLinesPerSecond, found.liveUsPerLine)}`);
}
