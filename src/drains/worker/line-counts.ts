/** Adds a change of a drain's checkpoint to the metric of lines. */
import { drainLines } from "../../metrics.ts";
import type { DrainCheckpoint } from "../../registry/drain-checkpoint.ts";

const outcomes = ["delivered", "refused", "lost", "filtered", "replayed"] as const;

/** Counts what got its place since `before`. Unconfirmed lines that turn out lost stay in both counts. */
export function countLines(before: DrainCheckpoint, after: DrainCheckpoint): void {
  for (const outcome of outcomes) {
    const lines = after[outcome] - before[outcome];
    if (lines > 0) drainLines.inc({ outcome }, lines);
  }
}
