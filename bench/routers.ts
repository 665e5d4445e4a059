/**
 * Syslog over TCP in, syslog over TCP out: tailrace, which has every line on disk before its drain has it, beside rsyslog
 * where that is installed, which stores nothing, and beside the floor in plain Node. The same lines, connections and
 * receiver for each; ratios of one run hold better than figures.
 */
import { spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { BenchChild, BenchServer, freePort } from "./server.ts";

export type RouterRow = {
  readonly name: "tailrace" | "rsyslog" | "floor";
  readonly linesPerSecond: number;
  readonly cpuMicrosPerLine: number;
};

/** A router under test: where lines go, how a frame names an app, and what the process has used. */
type Router = {
  readonly name: RouterRow["name"];
  readonly port: number;
  readonly appNames: readonly string[];
  cpuSeconds(): Promise<number>;
  stop(): Promise<void>;
};

const lineBytes = 200;
const connections = 10;
const mark = 0x7e; // `~`, once in every line
/** Lines that come first: what a program does while it warms up is not what it does. */
const warmShare = 0.1;

/** Each router in turn; medians of `rounds`. */
export async function routers({ lines, apps, rounds }: { lines: number; apps: number; rounds: number }) {
  const found: RouterRow[] = [];
  for (const start of [startFloor, startRsyslog, startTailrace]) {
    const runs: RouterRow[] = [];
    for (let round = 0; round < rounds; round++) {
      const run = await measured(start, lines, apps);
      if (run !== undefined) runs.push(run);
    }
    if (runs.length > 0) found.push(medianOf(runs));
  }
  return found;
}

async function measured(
  start: (apps: number, drainPort: number) => Promise<Router | undefined>,
  lines: number,
  apps: number,
): Promise<RouterRow | undefined> {
  const receiver = await openReceiver();
  const router = await start(apps, receiver.port);
  try {
    if (router === undefined) return undefined;
    const warm = Math.round(lines * warmShare);
    await send(router, warm);
    await receiver.has(warm);
    const cpuBefore = await router.cpuSeconds();
    const startedAtMs = performance.now();
    await send(router, lines);
    await receiver.has(warm + lines);
    const seconds = (performance.now() - startedAtMs) / 1000;
    const cpu = (await router.cpuSeconds()) - cpuBefore;
    return { name: router.name, linesPerSecond: lines / seconds, cpuMicrosPerLine: (cpu * 1e6) / lines };
  } finally {
    await router?.stop();
    receiver.close();
  }
}

const medianOf = (runs: readonly RouterRow[]): RouterRow =>
  [...runs].sort((a, b) => a.linesPerSecond - b.linesPerSecond)[Math.floor(runs.length / 2)]!;

/** Sends exactly `lines` lines over all connections together, as fast as they are taken. */
async function send({ port, appNames }: Router, lines: number): Promise<void> {
  const shares = Array.from(
    { length: connections },
    (_, at) => Math.floor(lines / connections) + (at < lines % connections ? 1 : 0),
  );
  const namesFor = (at: number) =>
    appNames.length <= connections
      ? [appNames[at % appNames.length]!]
      : appNames.filter((_, app) => app % connections === at);
  await Promise.all(shares.map((share, at) => sendOver(port, namesFor(at), share)));
}

async function sendOver(port: number, names: readonly string[], lines: number): Promise<void> {
  const socket = connect(port, "127.0.0.1").setNoDelay(true);
  const frames = names.map(frameOf);
  const linesAtOnce = Math.max(frames.length, 250);
  const chunk = Buffer.concat(Array.from({ length: linesAtOnce }, (_, at) => frames[at % frames.length]!));
  let left = lines;
  for (; left >= linesAtOnce; left -= linesAtOnce) await written(socket, chunk);
  for (let at = 0; at < left; at++) await written(socket, frames[at % frames.length]!);
  await new Promise<void>((resolve) => socket.end(resolve));
}

const written = (socket: Socket, bytes: Buffer): Promise<unknown> | undefined =>
  socket.write(bytes) ? undefined : new Promise((resolve) => socket.once("drain", resolve));

function frameOf(name: string): Buffer {
  const head = `<190>1 ${new Date().toISOString().replace("Z", "000+00:00")} host ${name} web.1 - - ~`;
  const frame = `${head + "x".repeat(Math.max(0, lineBytes - head.length - 1))}\n`;
  return Buffer.from(`${frame.length} ${frame}`);
}

/** Counts the lines that come over all connections. */
async function openReceiver() {
  let lines = 0;
  let told = () => {};
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", (data) => {
      for (let at = data.indexOf(mark); at !== -1; at = data.indexOf(mark, at + 1)) lines++;
      told();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as { port: number }).port,
    has: (count: number) =>
      new Promise<void>((resolve) => {
        told = () => lines >= count && resolve();
        told();
      }),
    close: () => server.close(),
  };
}

const namesOf = (apps: number): string[] =>
  Array.from({ length: apps }, (_, at) => `app-${String(at).padStart(5, "0")}`);

async function startTailrace(apps: number, drainPort: number): Promise<Router> {
  const server = await BenchServer.start(["--drain-allow", "127.0.0.0/8"]);
  const appNames: string[] = [];
  for (const name of namesOf(apps)) {
    appNames.push(await server.token(name));
    await server.call("POST", `/apps/${name}/log-drains`, { url: `syslog://127.0.0.1:${drainPort}` });
  }
  return {
    name: "tailrace",
    port: server.syslogPort,
    appNames,
    cpuSeconds: () => server.cpuSeconds(),
    stop: () => server.stop(),
  };
}

async function startFloor(apps: number, drainPort: number): Promise<Router> {
  const folder = await mkdtemp(join(tmpdir(), "tailrace-bench-floor-"));
  const appNames = namesOf(apps);
  const settings = JSON.stringify({ apps: appNames, drainPort, file: join(folder, "lines") });
  const program = fileURLToPath(new URL("./floor.ts", import.meta.url));
  const child = await BenchChild.start([process.execPath, program, settings], /^\{.*\}$/m);
  const { port } = JSON.parse(child.said) as { port: number };
  return routerOf("floor", port, appNames, child, folder);
}

/** Undefined where it is not installed; `RSYSLOGD` names another binary. */
async function startRsyslog(apps: number, drainPort: number): Promise<Router | undefined> {
  const program = process.env.RSYSLOGD || "rsyslogd";
  if (spawnSync(program, ["-v"]).status !== 0) return undefined;
  const folder = await mkdtemp(join(tmpdir(), "tailrace-bench-rsyslog-"));
  const port = await freePort();
  const appNames = namesOf(apps);
  const rulesets = appNames.map(
    (name) =>
      `ruleset(name="d-${name}") { action(type="omfwd" target="127.0.0.1" port="${drainPort}" protocol="tcp" TCP_Framing="octet-counted" template="RSYSLOG_SyslogProtocol23Format") }`,
  );
  const lines = [
    `global(workDirectory="${folder}" maxMessageSize="64k")`,
    'module(load="imtcp" MaxSessions="5000")',
    ...rulesets,
    'ruleset(name="in" queue.type="FixedArray" queue.size="50000" queue.timeoutEnqueue="60000" queue.dequeueBatchSize="1024" queue.workerThreads="1") {',
    '  call_indirect "d-" & $app-name;',
    "}",
    `input(type="imtcp" address="127.0.0.1" port="${port}" ruleset="in" SupportOctetCountedFraming="on")`,
  ];
  const file = join(folder, "rsyslog.conf");
  await writeFile(file, `${lines.join("\n")}\n`);
  const child = await BenchChild.start([program, "-n", "-f", file, "-i", join(folder, "pid")]);
  await answers(port);
  return routerOf("rsyslog", port, appNames, child, folder);
}

function routerOf(
  name: RouterRow["name"],
  port: number,
  appNames: readonly string[],
  child: BenchChild,
  folder: string,
): Router {
  return {
    name,
    port,
    appNames,
    cpuSeconds: () => child.cpuSeconds(),
    stop: async () => {
      await child.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Resolves when the port takes connections. */
async function answers(port: number): Promise<void> {
  for (;;) {
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1");
      socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
      socket.once("connect", () => socket.end());
    });
    if (isOpen) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
