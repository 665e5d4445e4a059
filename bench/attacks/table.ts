/** The table of attacks, as Markdown. */
import type { Told } from "./attack.ts";
import type { Measured } from "./victim.ts";
import type { Collections, Watched } from "./watch.ts";

export type Measurement = {
  readonly quiet: Measured;
  readonly attacked: Measured;
  readonly peakBytes: number;
  readonly told: Told;
  readonly watched: Watched;
};

const ms = (value: number) => value.toFixed(1);
const collections = ({ perS, msPerS, maxMs }: Collections) =>
  `${perS.toFixed(1)}, ${msPerS.toFixed(0)}, ${ms(maxMs)}`;

const columns = [
  "Attack",
  "Engine",
  "Quiet p50 · p99, ms",
  "p99 · max, ms",
  "Ratio",
  "Victims' own delay, ms",
  "Lost",
  "Refused",
  "Peak, MiB",
  "Loop p99 · max, ms",
  "Commit p99 · max, ms",
  "Busy · CPU",
  "Young: a second, ms a second, max",
  "Full: the same",
  "The attacker is told",
];

export const tableHead = `| ${columns.join(" | ")} |\n|${"---|".repeat(columns.length)}`;

export function tableRow(name: string, engine: string, measured: Measurement): string {
  const { quiet, attacked, peakBytes, told, watched } = measured;
  const answers = Object.entries(told).map(([what, times]) => `${times} × ${what}`);
  const cells = [
    name,
    engine,
    `${ms(quiet.p50Ms)} · ${ms(quiet.p99Ms)}`,
    `${ms(attacked.p99Ms)} · ${ms(attacked.maxMs)}`,
    (attacked.p99Ms / quiet.p99Ms).toFixed(1),
    ms(attacked.ownDelayMs),
    attacked.lost,
    attacked.refused,
    peakBytes >> 20,
    `${ms(watched.loopP99Ms)} · ${ms(watched.loopMaxMs)}`,
    `${ms(watched.commitP99Ms)} · ${ms(watched.commitMaxMs)}`,
    `${watched.busy.toFixed(2)} · ${watched.cpu.toFixed(2)}`,
    collections(watched.young),
    collections(watched.full),
    answers.join(", ").replaceAll(/[\n|]/g, " "),
  ];
  return `| ${cells.join(" | ")} |`;
}
