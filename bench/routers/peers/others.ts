/** Everybody else: programs of one process, with a folder of their own. */
import { spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { BenchChild, freePort } from "../../server.ts";
import { type Job, namesOf, type Running, type Start } from "../job.ts";
import { rsyslogConf, syslogNgConf } from "./configs.ts";

const here = (file: string) => fileURLToPath(new URL(file, import.meta.url));

/** Plain Node with nothing but the lines. */
export const startFloor: Start = async (job, drainPort, prefix) => {
  const folder = await mkdtemp(join(tmpdir(), "tailrace-bench-floor-"));
  const settings = JSON.stringify({ apps: namesOf(job.apps), drainPort, file: join(folder, "lines") });
  const program = here(job.in === "tcp" ? "../floor.ts" : "../floor-http.ts");
  const command = [...prefix, process.execPath, program, settings];
  const child = await BenchChild.start(command, /^\{.*\}$/m);
  const { port } = JSON.parse(child.said) as { port: number };
  return runningOf(child, job, port, folder);
};

/** fastify, which takes bodies and throws them away. */
export const startFastify: Start = async (job, _port, prefix) => {
  const command = [...prefix, process.execPath, here("../fastify.ts")];
  const child = await BenchChild.start(command, /^\{.*\}$/m);
  const { port } = JSON.parse(child.said) as { port: number };
  return { ...runningOf(child, job, port), throwsAway: true };
};

/** `RSYSLOGD` names another binary. */
export const startRsyslog: Start = async (job, drainPort, prefix) => {
  const program = process.env.RSYSLOGD || "rsyslogd";
  if (job.out !== "tcp" || spawnSync(program, ["-v"]).status !== 0) return undefined;
  const folder = await mkdtemp(join(tmpdir(), "tailrace-bench-rsyslog-"));
  const port = await freePort();
  const file = join(folder, "rsyslog.conf");
  await writeFile(file, rsyslogConf({ folder, port, drainPort, names: namesOf(job.apps) }));
  const child = await BenchChild.start([...prefix, program, "-n", "-f", file, "-i", join(folder, "pid")]);
  await answers(child, port);
  return runningOf(child, job, port, folder);
};

/** `SYSLOG_NG` names another binary, or the script that starts it. */
export const startSyslogNg: Start = async (job, drainPort, prefix) => {
  const program = process.env.SYSLOG_NG || "syslog-ng";
  const shown = spawnSync(program, ["--version"], { encoding: "utf8" });
  const version = /Config version: ([\d.]+)/.exec(shown.stdout ?? "")?.[1];
  const hasHttp = /^Available-Modules:.*\bhttp\b/m.test(shown.stdout ?? ""); // of a package of its own
  if (version === undefined || (job.out === "http" && !hasHttp)) return undefined;
  const folder = await mkdtemp(join(tmpdir(), "tailrace-bench-syslog-ng-"));
  const port = await freePort();
  const file = join(folder, "syslog-ng.conf");
  const names = namesOf(job.apps);
  await writeFile(file, syslogNgConf({ version, out: job.out, port, drainPort, names }));
  const own = ["-R", join(folder, "persist"), "-p", join(folder, "pid"), "-c", join(folder, "ctl")];
  const child = await BenchChild.start([...prefix, program, "-F", "--no-caps", "-f", file, ...own]);
  await answers(child, port);
  return runningOf(child, job, port, folder);
};

function runningOf(child: BenchChild, job: Job, port: number, folder?: string): Running {
  return {
    port,
    senders: namesOf(job.apps),
    cpuSeconds: () => child.cpuSeconds(),
    peakBytes: () => child.peakBytes(),
    stop: async () => {
      await child.stop();
      if (folder !== undefined) await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Resolves when the port takes connections; rejects when the program ends before. */
async function answers(child: BenchChild, port: number): Promise<void> {
  for (;;) {
    if (child.hasEnded) throw new Error("a peer ended before it took connections: what it said is above");
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1");
      socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
      socket.once("connect", () => socket.end());
    });
    if (isOpen) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
