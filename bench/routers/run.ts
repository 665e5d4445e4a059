/**
 * One run: a peer and a load, each on a processor of its own where there are two. After a tenth of the lines, which warm
 * the peer up, what the others take is what one line costs.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import type { Job, Running, Start } from "./job.ts";
import type { Answer, Order } from "./load.ts";
import type { Sending } from "./senders.ts";

export type Run = {
  readonly linesPerSecond: number;
  readonly cpuMicrosPerLine: number;
  /** The same of what the peer needs beside itself; undefined: nothing. */
  readonly besideMicrosPerLine: number | undefined;
  readonly peakBytes: number;
  /** The time from when a line was due until it was received, for lines that are sent at their time. */
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
  /** Cores that the load, and what the peer needs beside itself, were busy with: of one that they share. */
  readonly loadCores: number;
  /** Cores that others than peer and load were busy with meanwhile. */
  readonly foreignCores: number;
};

const warmShare = 0.1;
const ticksPerSecond = 100; // of Linux' /proc
const canPin = availableParallelism() > 1 && spawnSync("taskset", ["-V"]).status === 0;
const core = (number: number): readonly string[] => (canPin ? ["taskset", "-c", String(number)] : []);

/** Runs a peer once; undefined if it is not installed. Rejects when a line was lost. */
export async function runOnce(start: Start, job: Job): Promise<Run | undefined> {
  const load = new Load();
  let running: Running | undefined;
  try {
    const port = await load.listen(job);
    running = await start(job, port, core(0));
    if (running === undefined) return undefined;
    await load.send(job, running, Math.round(job.lines * warmShare));
    const before = await usage(running);
    const loadBefore = process.cpuUsage();
    const { seconds, lateMs, loadCpuSeconds } = await load.send(job, running, job.lines);
    const after = await usage(running);
    const own = process.cpuUsage(loadBefore);
    const cpu = after.cpu - before.cpu;
    const beside = after.beside - before.beside;
    const others = after.busy - before.busy - cpu - beside - loadCpuSeconds - (own.user + own.system) / 1e6;
    const late = [...lateMs].sort((a, b) => a - b);
    return {
      linesPerSecond: job.lines / seconds,
      cpuMicrosPerLine: (cpu * 1e6) / job.lines,
      besideMicrosPerLine: running.besideSeconds && (beside * 1e6) / job.lines,
      peakBytes: await running.peakBytes(),
      p50Ms: late[Math.floor(late.length * 0.5)],
      p99Ms: late[Math.floor(late.length * 0.99)],
      loadCores: (loadCpuSeconds + beside) / seconds,
      foreignCores: Math.max(0, others / seconds),
    };
  } finally {
    await running?.stop();
    load.end();
  }
}

const usage = async (running: Running) => ({
  cpu: await running.cpuSeconds(),
  beside: (await running.besideSeconds?.()) ?? 0,
  busy: await busySeconds(),
});

/** The busy time of all processors. */
async function busySeconds(): Promise<number> {
  const [line = ""] = (await readFile("/proc/stat", "utf8")).split("\n", 1);
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = line.split(/\s+/).slice(1).map(Number);
  return (user + nice + system + irq + softirq) / ticksPerSecond;
}

/** The process that sends and receives. */
export class Load {
  readonly #child: ChildProcess;

  constructor() {
    const program = fileURLToPath(new URL("./load.ts", import.meta.url));
    const [file = "", ...args] = [...core(1), process.execPath, program];
    this.#child = spawn(file, args, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  }

  async listen(job: Job): Promise<number> {
    const answer = await this.#ask({ kind: "listen", way: job.out });
    return answer.kind === "listening" ? answer.port : this.#refuse(answer);
  }

  async send(job: Job, running: Running, lines: number) {
    const { connections, linesPerSecond } = job;
    const { port, senders } = running;
    const sending = { way: job.in, port, senders, connections, lines, linesPerSecond };
    return this.order(sending, running.throwsAway !== true);
  }

  /** Resolves when all was taken, and, where lines come out, received. */
  async order(sending: Sending, comesOut = false) {
    const answer = await this.#ask({ kind: "send", sending, comesOut });
    return answer.kind === "received" ? answer : this.#refuse(answer);
  }

  end(): void {
    this.#child.kill("SIGKILL");
  }

  async #ask(order: Order): Promise<Answer> {
    this.#child.send(order);
    const [answer] = (await once(this.#child, "message")) as [Answer];
    return answer;
  }

  #refuse(answer: Answer): never {
    throw new Error(answer.kind === "failed" ? answer.reason : `the load answered ${answer.kind}`);
  }
}
