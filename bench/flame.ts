/**
 * Draws where a server's time goes while it does a job of `npm run bench -- routers`: a flame graph of its main thread.
 * Run: node bench/flame.ts [job] > docs/images/flame-tcp-tcp.svg
 */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cut, type Flame, flameOf, type Profile } from "./flame/profile.ts";
import { drawn } from "./flame/svg.ts";
import { jobsOf, type Start } from "./routers/job.ts";
import { startTailrace } from "./routers/peers/tailrace.ts";
import { runOnce } from "./routers/run.ts";

const name = process.argv[2] ?? "tcp-tcp";
const job = jobsOf(3_000_000).find((one) => one.name === name);
if (job === undefined) throw new Error(`there is no job ${name}: npm run bench -- routers names them`);
const folder = await mkdtemp(join(tmpdir(), "tailrace-flame-"));
try {
  const profiled = ["env", `NODE_OPTIONS=--cpu-prof --cpu-prof-dir=${folder} --cpu-prof-interval=500`];
  let threads: ReadonlyMap<string, number> = new Map();
  const start: Start = async (given, port, prefix) => {
    const running = (await startTailrace(given, port, [...prefix, ...profiled]))!;
    const stop = async () => {
      threads = await running.threadSeconds!();
      await running.stop();
    };
    return { ...running, stop };
  };
  const run = await runOnce(start, job);
  const profiles = await Promise.all(
    (await readdir(folder)).map(
      async (file) => JSON.parse(await readFile(join(folder, file), "utf8")) as Profile,
    ),
  );
  // Worker threads write one each: the main thread's is the one with the most to tell.
  const micros = (job.lines * 1e6) / run!.linesPerSecond;
  const flames = profiles.map((profile) => flameOf(cut(profile, micros))).sort((a, b) => b.micros - a.micros);
  const speed = `${Math.round(run!.linesPerSecond / 1000)} thousand lines a second`;
  console.log(
    drawn(
      flames[0]!,
      `${job.name}: ${speed}, ${run!.cpuMicrosPerLine.toFixed(2)} µs of CPU a line: ${sharesOfThreads(threads)}. The main thread:`,
    ),
  );
  for (const [group, share] of sharesOf(flames[0]!))
    console.error(`${group.padEnd(12)} ${(share * 100).toFixed(1)} %`);
} finally {
  await rm(folder, { recursive: true, force: true });
}

// A profile is of the main thread alone, and V8 collects beside it.
function sharesOfThreads(seconds: ReadonlyMap<string, number>): string {
  const all = [...seconds.values()].reduce((sum, each) => sum + each, 0);
  const share = (name: string) => `${Math.round(((seconds.get(name) ?? 0) * 100) / all)} %`;
  return `main thread ${share("MainThread")}, V8's own ${share("V8Worker")}, libuv's ${share("libuv-worker")}`;
}

function sharesOf(flame: Flame): [string, number][] {
  const own = new Map<string, number>();
  const walk = (one: Flame) => {
    const below = one.children.reduce((sum, { micros }) => sum + micros, 0);
    own.set(one.group, (own.get(one.group) ?? 0) + one.micros - below);
    for (const child of one.children) walk(child);
  };
  walk(flame);
  return [...own]
    .map(([group, micros]): [string, number] => [group, micros / flame.micros])
    .sort((a, b) => b[1] - a[1]);
}
