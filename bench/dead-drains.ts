/**
 * What do 1,000 dead drains cost the well one beside them? Each has an app of its own with lines that wait; a third is
 * refused, a third finds no way (connections are never accepted), a third is accepted and never answered. The well
 * drain gets ten lines every ten milliseconds; a line's time is taken from before its append until its receiver has it.
 * Both runs hold the same apps and lines and go on at the same time. Run: node bench/dead-drains.ts [dead] [seconds]
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { addDrain, linesOf, newChannelId, openDrainRig, Receiver } from "./drain-rig.ts";

export type DeadDrains = {
  readonly dead: number;
  readonly alone: Well;
  readonly beside: Well;
  /** Memory of the process for each dead drain, beyond the same process without them. */
  readonly heapBytesEach: number;
  readonly rssBytesEach: number;
};

type Well = {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** CPU of the server's process over the time that was measured, in percent of one core. */
  readonly cpuPercent: number;
  readonly heapBytes: number;
  readonly rssBytes: number;
};

const self = fileURLToPath(import.meta.url);
const intervalMs = 10;
const linesEach = 10;
/** Lines that wait for each dead drain. */
const waitingLines = 100;
/** Until the dead drains have come to their longest waits. */
const warmUpSeconds = 35;

/** Runs the question once: both at the same time, so that whatever else the machine does befalls both. */
export async function deadDrains({ dead = 1_000, seconds = 20 } = {}): Promise<DeadDrains> {
  const runs = [inProcess(dead, false, seconds), inProcess(dead, true, seconds)] as const;
  const [alone, beside] = await Promise.all(runs);
  return {
    dead,
    alone,
    beside,
    heapBytesEach: (beside.heapBytes - alone.heapBytes) / dead,
    rssBytesEach: (beside.rssBytes - alone.rssBytes) / dead,
  };
}

async function inProcess(dead: number, withDrains: boolean, seconds: number): Promise<Well> {
  const args = ["subject", String(dead), String(withDrains), String(seconds)];
  const child = fork(self, args, { execArgv: ["--expose-gc"], stdio: "inherit" });
  const [well] = (await once(child, "message")) as [Well];
  child.kill();
  return well;
}

async function subject(dead: number, withDrains: boolean, seconds: number): Promise<void> {
  const receiver = await Receiver.open();
  const ends = await DeadEnds.open();
  const rig = await openDrainRig();
  const waiting = linesOf(waitingLines);
  for (let made = 0; made < dead; made += 50) {
    const some = Array.from({ length: Math.min(50, dead - made) }, async (_, at) => {
      const channel = newChannelId();
      await rig.lanes.append(channel, waiting, "http");
      if (withDrains) await addDrain(rig.store, channel, ends.url(made + at));
    });
    await Promise.all(some);
  }
  const channel = newChannelId();
  await addDrain(rig.store, channel, receiver.url);
  const sending = setInterval(() => void rig.lanes.append(channel, linesOf(linesEach), "http"), intervalMs);

  await pause(warmUpSeconds);
  await receiver.got();
  const cpu = process.cpuUsage();
  const memory: { heapBytes: number; rssBytes: number }[] = [];
  const latenciesMs: number[] = [];
  for (let second = 0; second < seconds; second++) {
    await pause(1);
    latenciesMs.push(...(await receiver.got()).latenciesMs);
  }
  const { user, system } = process.cpuUsage(cpu);
  // Memory moves with the attempts under way: the mean of several looks.
  for (let look = 0; look < 5; look++) {
    global.gc!();
    const { heapUsed, external, rss } = process.memoryUsage();
    memory.push({ heapBytes: heapUsed + external, rssBytes: rss });
    await pause(1);
  }
  clearInterval(sending);
  const sorted = latenciesMs.toSorted((a, b) => a - b);
  const quantile = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  process.send!({
    p50Ms: quantile(0.5),
    p99Ms: quantile(0.99),
    maxMs: quantile(1),
    cpuPercent: (user + system) / 1e4 / seconds,
    heapBytes: mean(memory.map(({ heapBytes }) => heapBytes)),
    rssBytes: mean(memory.map(({ rssBytes }) => rssBytes)),
  } satisfies Well);
  receiver.close();
  ends.close();
}

/** Places where no parcel arrives. */
class DeadEnds {
  readonly #ports: readonly number[];
  readonly #child: ChildProcess;

  private constructor(ports: readonly number[], child: ChildProcess) {
    this.#ports = ports;
    this.#child = child;
  }

  static async open(): Promise<DeadEnds> {
    const child = fork(self, ["ends"], { execArgv: [], stdio: "inherit" });
    const [ports] = (await once(child, "message")) as [number[]];
    return new DeadEnds(ports, child);
  }

  url(number: number): string {
    return `http://127.0.0.1:${this.#ports[number % this.#ports.length]}/drain/${number}`;
  }

  close(): void {
    this.#child.kill("SIGKILL");
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
  const [, , role, ...rest] = process.argv;
  if (role === "subject") await subject(Number(rest[0]), rest[1] === "true", Number(rest[2]));
  else if (role === "ends") await deadEnds();
  else if (role === "stopped") stopped();
  else {
    const found = await deadDrains({ dead: Number(role ?? 1_000), seconds: Number(rest[0] ?? 20) });
    const row = ({ p50Ms, p99Ms, maxMs, cpuPercent }: Well) =>
      `p50 ${p50Ms.toFixed(2)} ms, p99 ${p99Ms.toFixed(2)} ms, max ${maxMs.toFixed(1)} ms, CPU ${cpuPercent.toFixed(1)} %`;
    console.log(`the well drain alone:         ${row(found.alone)}`);
    console.log(`beside ${found.dead} dead ones: ${row(found.beside)}`);
    console.log(
      `for each dead one: ${(found.heapBytesEach / 1000).toFixed(1)} kB of heap and buffers, ${(found.rssBytesEach / 1000).toFixed(1)} kB resident`,
    );
  }
}
