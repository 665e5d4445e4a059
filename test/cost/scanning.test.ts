/**
 * The instructions that a usual line takes on its way in (scanned, canonised, indexed) and on its way out (its frame for a
 * syslog drain), counted by valgrind, where it is installed: the same in each run, whatever the machine does. V8 compiles
 * in the main thread and without chance; what the start and the compiler take is the same in two runs, and goes.
 */
import { execFile, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const hasValgrind = spawnSync("valgrind", ["--version"]).status === 0;
const program = fileURLToPath(new URL("scanning.mjs", import.meta.url));
const rounds = 1_000;
const linesARound = 100;
const counting = ["--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"];
const jit = "--smc-check=all-non-file"; // V8 changes the code that it has made
/** valgrind counts each byte of the instruction with which the system copies more than 2 KiB, so it copies otherwise. */
const copies = { GLIBC_TUNABLES: "glibc.cpu.x86_rep_movsb_threshold=1000000000" };
/** Without V8's quick compiler of WebAssembly: when the slow one takes its place is chance. */
const withoutChance = [
  "--no-liftoff",
  "--predictable",
  "--single-threaded",
  "--predictable-gc-schedule", // by the clock, a collection more or less is a third of a line's instructions
  "--hash-seed=1",
  "--random-seed=1",
];

async function instructions(inRounds: number, outRounds: number): Promise<number> {
  const run = [process.execPath, ...withoutChance, program, String(inRounds), String(outRounds)];
  const env = { PATH: process.env.PATH, ...copies };
  const { stderr } = await promisify(execFile)("valgrind", [...counting, jit, ...run], { env });
  return Number(/I\s+refs:\s+([\d,]+)/.exec(stderr)![1]!.replaceAll(",", ""));
}

test.runIf(hasValgrind)(
  "of a line, in and out",
  async () => {
    const [once, twiceIn, twiceOut] = await Promise.all([
      instructions(rounds, rounds),
      instructions(2 * rounds, rounds),
      instructions(rounds, 2 * rounds),
    ]);
    const ofALine = (more: number) => Math.round((more - once!) / rounds / linesARound);
    const counted = { in: ofALine(twiceIn), out: ofALine(twiceOut) };
    console.info("instructions of a line", counted);
    expect(counted.in).toBeGreaterThan(300); // less would mean that nothing was counted
    expect(counted.in).toBeLessThan(1_600); // 1,421, of which some 400 are collections
    expect(counted.out).toBeGreaterThan(100);
    expect(counted.out).toBeLessThan(550); // 441
  },
  300_000,
);
