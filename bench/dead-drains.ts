/**
 * What do 1,000 dead drains cost the well one beside them? Each has an app of its own with lines that wait; a third is
 * refused, a third finds no way (connections are never accepted), a third is accepted and never answered. A server that
 * has just started on a folder with them is compared with one on the same apps and lines without them, at the same
 * time, so that whatever else the machine does befalls both. Its well drain gets ten lines every ten milliseconds; a
 * line's time is taken from when its append is durable until its receiver has it: how long a disk takes to sync is not
 * the drain's. Latencies are the median over windows of five seconds.
 * Run: node bench/dead-drains.ts [dead] [seconds]
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { newChannelId } from "../src/core/ids.ts";
import type { DrainCheckpoint } from "../src/registry/drain-checkpoint.ts";
import { addDrain, type DrainRig, linesOf, openDrainRig, Receiver } from "./drain-rig.ts";

type DeadDrains = {
  readonly dead: number;
  readonly alone: Well;
  readonly beside: Well;
  /** Memory of the process for each dead drain, beyond the same process without them. */
  readonly heapBytesEach: number;
  readonly residentBytesEach: number;
};

type Well = {
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** CPU of the server's process over the time that was measured, in percent of one core. */
  readonly cpuPercent: number;
  /** Live objects and buffers. */
  readonly heapBytes: number;
  /** Memory of the process in the machine, without the pages of files (the log is mapped). */
  readonly residentBytes: number;
};

const self = fileURLToPath(import.meta.url);
/** The young generation is of one size in all: how far V8 has let it grow is no memory of a drain. */
const execArgv = ["--expose-gc", "--min-semi-space-size=16", "--max-semi-space-size=16"];
const intervalMs = 10;
const linesEach = 10;
/** Lines that wait for each dead drain. */
const waitingLines = 100;
/** The time until the dead drains have reached their longest waits. */
const warmUpSeconds = 75;
const windowSeconds = 5;
/** How often the memory is read, once a second: it varies with the attempts under way. */
const memoryLooks = 15;

/** Asks the question once. */
export async function deadDrains({ dead = 1_000, seconds = 60 } = {}): Promise<DeadDrains> {
  const ends = await DeadEnds.open();
  const folders = await Promise.all([1, 2].map(() => mkdtemp(join(tmpdir(), "tailrace-bench-"))));
  try {
    const [without, withThem] = folders as [string, string];
    await inProcess("prepare", without, String(dead));
    await inProcess("prepare", withThem, String(dead), ...ends.ports.map(String));
    const [alone, beside] = (await Promise.all(
      [without, withThem].map((folder) => inProcess("subject", folder, String(seconds))),
    )) as [Well, Well];
    return {
      dead,
      alone,
      beside,
      heapBytesEach: (beside.heapBytes - alone.heapBytes) / dead,
      residentBytesEach: (beside.residentBytes - alone.residentBytes) / dead,
    };
  } finally {
    ends.close();
    await Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true })));
  }
}

async function inProcess(...args: readonly string[]): Promise<unknown> {
  const child = fork(self, args, { execArgv, stdio: "inherit" });
  const [result] = await once(child, "message");
  if (child.exitCode === null) await once(child, "exit");
  return result;
}

/** Apps with lines that wait, and, where `ports` are given, a drain of each that has failed already. */
async function prepare(folder: string, dead: number, ports: readonly string[]): Promise<void> {
  const rig = await openDrainRig(folder);
  const waiting = linesOf(waitingLines);
  for (let made = 0; made < dead; made += 50) {
    const some = Array.from({ length: Math.min(50, dead - made) }, async (_, at) => {
      const channel = newChannelId();
      await rig.queues.append(channel, waiting, "http");
      const port = ports[(made + at) % ports.length];
      if (port !== undefined)
        await addDrain(rig.store, channel, `http://127.0.0.1:${port}/drain/${made + at}`);
    });
    await Promise.all(some);
  }
  if (ports.length > 0) while ((await failed(rig)) < dead) await pause(1);
  await rig.close();
  process.send!("done");
}

async function failed({ store }: DrainRig): Promise<number> {
  let count = 0;
  for await (const { value } of store.list<DrainCheckpoint>("drain-state/")) if (value.lastError) count++;
  return count;
}

async function subject(folder: string, seconds: number): Promise<void> {
  const receiver = await Receiver.open();
  const rig = await openDrainRig(folder);
  const channel = newChannelId();
  await addDrain(rig.store, channel, receiver.url);
  const appendMs = new Map<string, number>();
  const append = async () => {
    const sent = String(process.hrtime.bigint());
    const startedMs = performance.now();
    await rig.queues.append(channel, linesOf(linesEach, sent), "http");
    appendMs.set(sent, performance.now() - startedMs);
  };
  const sending = setInterval(() => void append(), intervalMs);
  // How long V8 lets garbage lie, and which pages it keeps for later, is no memory of a drain: both are asked to let go.
  const residents: number[] = [];
  const heaps: number[] = [];
  for (let second = 0; second < warmUpSeconds; second++) {
    await pause(1);
    if (second < warmUpSeconds - memoryLooks) {
      global.gc!();
      continue;
    }
    global.gc!({ type: "major", execution: "sync", flavor: "last-resort" });
    const { heapUsed, external } = process.memoryUsage();
    heaps.push(heapUsed + external);
    residents.push(await residentBytes());
  }

  await receiver.got();
  const cpu = process.cpuUsage();
  const windows: (readonly number[])[] = [];
  for (let second = 0; second < seconds; second += windowSeconds) {
    await pause(windowSeconds);
    const { latenciesMs, sent } = await receiver.got();
    const afterMs = latenciesMs.map((ms, at) => ms - (appendMs.get(sent[at]!) ?? 0));
    windows.push(afterMs.toSorted((a, b) => a - b));
    appendMs.clear();
  }
  const { user, system } = process.cpuUsage(cpu);
  const quantile = (share: number) =>
    median(windows.map((sorted) => sorted[Math.floor(share * sorted.length)]!));
  clearInterval(sending);
  receiver.close();
  process.send!({
    p50Ms: quantile(0.5),
    p99Ms: quantile(0.99),
    cpuPercent: (user + system) / 1e4 / seconds,
    heapBytes: median(heaps),
    residentBytes: median(residents),
  } satisfies Well);
  process.exit();
}

async function residentBytes(): Promise<number> {
  const status = await readFile("/proc/self/status", "utf8").catch(() => "");
  const found = /^RssAnon:\s+([0-9]+) kB$/m.exec(status);
  return found === null ? process.memoryUsage().rss : Number(found[1]) * 1024;
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;

/** Destinations that no parcel reaches. */
class DeadEnds {
  readonly ports: readonly number[];
  readonly #child: ChildProcess;

  private constructor(ports: readonly number[], child: ChildProcess) {
    this.ports = ports;
    this.#child = child;
  }

  static async open(): Promise<DeadEnds> {
    const child = fork(self, ["ends"], { execArgv: [], stdio: "inherit" });
    const [ports] = (await once(child, "message")) as [number[]];
    return new DeadEnds(ports, child);
  }

  close(): void {
    this.#child.disconnect();
  }
}

// One port where nobody listens, one that accepts and never answers, one whose process never gets to accept.
async function deadEnds(): Promise<void> {
  const listening = async (backlog: number) => {
    const server = createServer((socket) => socket.on("error", () => {}));
    server.listen({ port: 0, host: "127.0.0.1", backlog });
    await once(server, "listening");
    return { server, port: (server.address() as AddressInfo).port };
  };
  const refused = await listening(1);
  const hanging = await listening(4_096);
  refused.server.close();
  const stopped = fork(self, ["stopped"], { execArgv: [], stdio: "inherit" });
  const [port] = (await once(stopped, "message")) as [number];
  stopped.kill("SIGSTOP");
  process.once("disconnect", () => {
    stopped.kill("SIGKILL");
    process.exit();
  });
  process.send!([refused.port, hanging.port, port]);
}

function stopped(): void {
  const server = createServer(() => {});
  server.listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () =>
    process.send!((server.address() as AddressInfo).port),
  );
}

const pause = (seconds: number) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

if (process.argv[1] === self) {
  const [, , role, first = "", ...rest] = process.argv;
  if (role === "subject") await subject(first, Number(rest[0]));
  else if (role === "prepare") {
    await prepare(first, Number(rest[0]), rest.slice(1));
    process.exit();
  } else if (role === "ends") await deadEnds();
  else if (role === "stopped") stopped();
  else {
    const found = await deadDrains({ dead: Number(role ?? 1_000), seconds: Number(first || 60) });
    const row = ({ p50Ms, p99Ms, cpuPercent, residentBytes }: Well) =>
      `p50 ${p50Ms.toFixed(2)} ms, p99 ${p99Ms.toFixed(2)} ms, CPU ${cpuPercent.toFixed(1)} %, ${(residentBytes / 1e6).toFixed(0)} MB`;
    console.log(`the well drain alone:         ${row(found.alone)}`);
    console.log(`beside ${found.dead} dead ones: ${row(found.beside)}`);
    console.log(
      `for each dead one: ${(found.heapBytesEach / 1000).toFixed(1)} kB of heap and buffers, ${(found.residentBytesEach / 1000).toFixed(1)} kB resident`,
    );
  }
}
