/**
 * What a syslog drain delivers, and how long a line is on its way: the questions of `drain-http.ts` over syslog, then
 * lines that come one by one at a steady pace. Run: node bench/drain-syslog.ts [lines]
 */
import { fileURLToPath } from "node:url";
import { newChannelId } from "../src/core/ids.ts";
import { type DrainHttp, drainHttp } from "./drain-http.ts";
import { addDrain, linesOf, openDrainRig, Receiver } from "./drain-rig.ts";

type DrainSyslog = DrainHttp & { readonly paced: readonly Paced[] };

/** From the making of a line, before its append, until the receiver read it. */
type Paced = {
  readonly linesPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly cpuUsPerLine: number;
};

const paces = [100, 1_000, 5_000];
const tickMs = 2;

/** Runs the question once. */
async function drainSyslog({ lines = 500_000, seconds = 3 } = {}): Promise<DrainSyslog> {
  const found = await drainHttp({ lines, scheme: "syslog" });
  const paced: Paced[] = [];
  for (const linesPerSecond of paces) paced.push(await pace("syslog", linesPerSecond, seconds));
  return { ...found, paced };
}

/** Lines of one app, each appended alone, at `linesPerSecond` for `seconds`. */
async function pace(scheme: "http" | "syslog", linesPerSecond: number, seconds: number): Promise<Paced> {
  const receiver = await Receiver.open(scheme);
  const rig = await openDrainRig();
  try {
    const channel = newChannelId();
    await addDrain(rig.store, channel, receiver.url);
    await rig.queues.append(channel, linesOf(1), "http");
    await receiver.seconds(1);
    await sleep(500); // the first parcel over a connection waits longer
    const total = linesPerSecond * seconds;
    const cpu = process.cpuUsage();
    const startedMs = performance.now();
    for (let sent = 0; sent < total; await sleep(tickMs)) {
      const due = Math.min(total, ((performance.now() - startedMs) / 1000) * linesPerSecond);
      for (; sent < due; sent++) void rig.queues.append(channel, linesOf(1), "http");
    }
    await sleep(300);
    const { user, system } = process.cpuUsage(cpu);
    const latencies = [...(await receiver.got()).latenciesMs].sort((a, b) => a - b);
    const at = (share: number) =>
      latencies[Math.min(latencies.length - 1, Math.floor(share * latencies.length))]!;
    return { linesPerSecond, p50Ms: at(0.5), p99Ms: at(0.99), cpuUsPerLine: (user + system) / total };
  } finally {
    await rig.close();
    receiver.close();
  }
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const found = await drainSyslog({ lines: Number(process.argv[2] ?? 500_000) });
  const row = (perSecond: number, us: number) =>
    `${Math.round(perSecond)} lines/s, ${us.toFixed(2)} µs CPU a line`;
  console.log(`a drain catching up: ${row(found.catchUpLinesPerSecond, found.catchUpUsPerLine)}`);
  console.log(`append and drain: ${row(found.liveLinesPerSecond, found.liveUsPerLine)}`);
  for (const { linesPerSecond, p50Ms, p99Ms, cpuUsPerLine } of found.paced)
    console.log(
      `${linesPerSecond} lines/s: p50 ${p50Ms.toFixed(2)} ms, p99 ${p99Ms.toFixed(2)} ms, ${cpuUsPerLine.toFixed(1)} µs CPU a line`,
    );
}
