/** An app's requests as series of charts. */
import type { Series } from "../parts/chart.tsx";
import { type Step, statusClasses } from "./glance.ts";

const colours = {
  "2xx": "--fill-ok",
  "3xx": "--fill-accent",
  "4xx": "--fill-warn",
  "5xx": "--fill-err",
} as const;

/**
 * Requests per second. The series are drawn over each other, largest first, so that the visible part of each is its own
 * share.
 */
export function statusSeries(steps: readonly Step[], stepMs: number): Series[] {
  return statusClasses.map((_, n) => ({
    name: statusClasses[n]!,
    colour: colours[statusClasses[n]!],
    kind: "bars" as const,
    values: steps.map(
      ({ byStatus }) => statusClasses.slice(n).reduce((sum, of) => sum + byStatus[of], 0) / (stepMs / 1_000),
    ),
    tableValues: steps.map(({ byStatus }) => byStatus[statusClasses[n]!] / (stepMs / 1_000)),
  }));
}

/** The time that this share of each step's requests does not exceed. */
export const timesSeries = (name: string, colour: string, steps: readonly Step[], share: number): Series => ({
  name,
  colour,
  kind: "line",
  values: steps.map(({ times }) => times.within(share)),
});
