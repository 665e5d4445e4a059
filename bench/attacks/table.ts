/** The table of attacks, as Markdown. */
import type { Answers } from "./attack.ts";
import { slowestOverTime, stepNames, stepsOfSlowest, turnsOf, workDuring } from "./steps.ts";
import type { Measured } from "./victim.ts";
import type { Collections, Watched } from "./watch.ts";

export type Measurement = {
  readonly quiet: Measured;
  readonly attacked: Measured;
  readonly peakBytes: number;
  readonly answers: Answers;
  readonly watched: Watched;
  /** What the server did while nobody attacked. */
  readonly watchedQuiet: Watched;
};

const ms = (value: number) => value.toFixed(1);
const rounded = (values: readonly number[]) => values.map((value) => value.toFixed(0)).join(", ");
const collections = ({ perS, msPerS, maxMs }: Collections) =>
  `${perS.toFixed(1)}, ${msPerS.toFixed(0)}, ${ms(maxMs)}`;

const columns = [
  "Attack",
  "Engine",
  "Quiet p50 · p99, ms",
  "p99 · max, ms",
  "Of each round",
  "Ratio",
  "The server's work meanwhile, quiet → p99 · max, ms",
  "Victims' own delay, ms",
  "Lost",
  "Refused",
  "Peak, MiB",
  "Loop p99 · max, ms",
  "Work of a turn p99 · max, ms",
  "Commit p99 · max, ms",
  "Busy · CPU",
  "Young: a second, ms a second, max",
  "Full: the same",
  `The slowest 3 %: ${stepNames.join(", ")}, ms`,
  "The slowest of each half second, ms",
  "The attacker is told",
];

export const tableHead = `| ${columns.join(" | ")} |\n|${"---|".repeat(columns.length)}`;

/** The row of the median round, by the p99 under attack; the memory's peak is the highest of all, and so is what was lost. */
export function tableRow(name: string, engine: string, rounds: readonly Measurement[]): string {
  const ordered = rounds.toSorted((a, b) => a.attacked.p99Ms - b.attacked.p99Ms);
  const { quiet, attacked, answers, watched, watchedQuiet } = ordered[(ordered.length - 1) >> 1]!;
  const most = (of: (measured: Measurement) => number) => Math.max(...rounds.map(of));
  const quietWork = workDuring(quiet.lines, watchedQuiet.worked);
  const work = workDuring(attacked.lines, watched.worked);
  const turns = turnsOf(watched.worked);
  const shown = Object.entries(answers).map(([what, times]) => `${times} × ${what}`);
  const cells = [
    name,
    engine,
    `${ms(quiet.p50Ms)} · ${ms(quiet.p99Ms)}`,
    `${ms(attacked.p99Ms)} · ${ms(attacked.maxMs)}`,
    ordered.map((round) => ms(round.attacked.p99Ms)).join(", "),
    (attacked.p99Ms / quiet.p99Ms).toFixed(1),
    `${ms(quietWork.p99Ms)} → ${ms(work.p99Ms)} · ${ms(work.maxMs)}`,
    ms(attacked.ownDelayMs),
    most((round) => round.attacked.lost),
    [
      most((round) => round.attacked.refused),
      ...new Set(rounds.flatMap((round) => round.attacked.refusals)),
    ].join(": "),
    most((round) => round.peakBytes) >> 20,
    `${ms(watched.loopP99Ms)} · ${ms(watched.loopMaxMs)}`,
    `${ms(turns.p99Ms)} · ${ms(turns.maxMs)}`,
    `${ms(watched.commitP99Ms)} · ${ms(watched.commitMaxMs)}`,
    `${watched.busy.toFixed(2)} · ${watched.cpu.toFixed(2)}`,
    collections(watched.young),
    collections(watched.full),
    rounded(stepsOfSlowest(attacked.lines, new Map(watched.seen))),
    rounded(slowestOverTime(attacked.lines)),
    shown.join(", ").replaceAll(/[\n|]/g, " "),
  ];
  return `| ${cells.join(" | ")} |`;
}
