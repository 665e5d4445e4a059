/**
 * `npm run bench -- routers [--rounds N] [--lines N] [WORD…]`: tailrace beside the routers that people use and beside what
 * plain Node can do, all jobs or those whose name has one of the words in it. One table, medians, ratios of one sitting.
 */
import { chosen } from "../chosen.ts";
import { type DiskTimes, diskTimes } from "./disk.ts";
import type { Job, PeerName, Start } from "./job.ts";
import { jobsOf } from "./job.ts";
import { startFastify, startFloor, startRsyslog, startSyslogNg } from "./peers/others.ts";
import { startTailrace, startTailraceOnNats } from "./peers/tailrace.ts";
import { type Run, runOnce } from "./run.ts";

const starts: Readonly<Record<PeerName, Start>> = {
  floor: startFloor,
  rsyslog: startRsyslog,
  "syslog-ng": startSyslogNg,
  fastify: startFastify,
  tailrace: startTailrace,
  "tailrace on NATS": startTailraceOnNats,
};

/** More than this of a core that others took, or between the best run and the worst, and a row says that it is noisy. */
const noisyShare = 0.15;
/** With more of its core than this the load, or what a peer needs beside itself, may be what lines wait for. */
const fullShare = 0.85;

type Found = { readonly peer: PeerName; readonly runs: readonly Run[] };
type Measured = { readonly found: readonly Found[]; readonly disk: readonly DiskTimes[] };

/**
 * The peers in turn, `rounds` times: what disturbs the machine for a while disturbs all of them. With lines that are sent
 * at their time, the disk has a turn of its own.
 */
async function measure(job: Job, rounds: number, report: (text: string) => void): Promise<Measured> {
  const disk: DiskTimes[] = [];
  const runs = new Map<PeerName, Run[]>(job.peers.map((peer) => [peer, []]));
  for (let round = 1; round <= rounds; round++) {
    for (const [peer, of] of runs) {
      report(`${job.name}, round ${round} of ${rounds}: ${peer}`);
      const run = await runOnce(starts[peer], job);
      if (run === undefined) runs.delete(peer);
      else of.push(run);
    }
    if (job.linesPerSecond !== undefined) disk.push(diskTimes());
  }
  return { found: [...runs].map(([peer, of]) => ({ peer, runs: of })), disk };
}

/** Of the field; of none undefined. */
function medianOf<Field extends string>(
  runs: readonly { readonly [name in Field]?: number | undefined }[],
  field: Field,
): number | undefined {
  const sorted = runs.flatMap((run) => run[field] ?? []).sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

/** One row of the table for each peer; that of one which is not installed says so. */
export function rowsOf(job: Job, found: readonly Found[]): string[] {
  const first = found[0]?.runs ?? [];
  return job.peers.map((peer) => {
    const runs = found.find((each) => each.peer === peer)?.runs;
    if (runs === undefined)
      return `| ${job.name} | ${peer} | not installed |${" |".repeat(heads.length - 3)}`;
    const speed = medianOf(runs, "linesPerSecond")!;
    const cpu = medianOf(runs, "cpuMicrosPerLine")!;
    const beside = medianOf(runs, "besideMicrosPerLine");
    const ratio = (value: number, field: keyof Run) =>
      runs === first ? "1" : (value / medianOf(first, field)!).toFixed(2);
    const ms = (field: "p50Ms" | "p99Ms") => medianOf(runs, field)?.toFixed(1) ?? "";
    const cells = [
      job.name,
      peer,
      `${Math.round(speed / 1000)} k`,
      job.linesPerSecond === undefined ? ratio(speed, "linesPerSecond") : "",
      [cpu, ...(beside === undefined ? [] : [beside])].map((micros) => micros.toFixed(2)).join(" + "),
      ratio(cpu, "cpuMicrosPerLine"),
      ms("p50Ms"),
      ms("p99Ms"),
      `${Math.round(medianOf(runs, "peakBytes")! / 1e6)}`,
      noiseOf(runs),
    ];
    return `| ${cells.join(" | ")} |`;
  });
}

/** The row of the disk alone, for jobs whose time it decides. */
export function diskRows(job: Job, times: readonly DiskTimes[]): string[] {
  if (times.length === 0) return [];
  const ms = (field: keyof DiskTimes) => medianOf(times, field)!.toFixed(1);
  return [`| ${job.name} | the disk alone |  |  |  |  | ${ms("p50Ms")} | ${ms("p99Ms")} |  |  |`];
}

function noiseOf(runs: readonly Run[]): string {
  const speeds = runs.map(({ linesPerSecond }) => linesPerSecond);
  const spread = Math.max(...speeds) / Math.min(...speeds) - 1;
  const foreign = Math.max(...runs.map(({ foreignCores }) => foreignCores));
  const load = Math.max(...runs.map(({ loadCores }) => loadCores));
  return [
    spread > noisyShare && `runs differ by ${Math.round(spread * 100)} %`,
    load > fullShare && `the load's core was full (${load.toFixed(2)})`,
    foreign > noisyShare && `others took ${foreign.toFixed(2)} of a core`,
  ]
    .filter(Boolean)
    .join(", ");
}

const heads = ["Job", "Peer", "lines/s", "×", "CPU µs/line", "×", "p50 ms", "p99 ms", "MB", "noise"];

/** Runs what the arguments ask for and prints the table. */
export async function routers(args: readonly string[]): Promise<void> {
  const option = (name: string, otherwise: number) => {
    const at = args.indexOf(name);
    return at === -1 ? otherwise : Number(args[at + 1]);
  };
  const rounds = option("--rounds", 5);
  const words = args.filter((arg, at) => !arg.startsWith("--") && !args[at - 1]?.startsWith("--"));
  const all = jobsOf(option("--lines", 3_000_000));
  const names = chosen(
    all.map(({ name }) => name),
    words,
  );
  const jobs = all.filter(({ name }) => names.includes(name));
  console.log(`| ${heads.join(" | ")} |\n|${heads.map(() => "---|").join("")}`);
  for (const job of jobs) {
    const { found, disk } = await measure(job, rounds, (text) => process.stderr.write(`${text}\n`));
    console.log([...rowsOf(job, found), ...diskRows(job, disk)].join("\n"));
  }
}
