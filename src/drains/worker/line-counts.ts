/** Adds a change of a drain's checkpoint to the metric of lines. */
import { drainLines, drainOutcomes } from "../../metrics.ts";
import type { DrainCheckpoint } from "../../registry/drain-checkpoint.ts";

/**
 * Counts the lines that were counted since `before`. Unconfirmed lines that turn out to be lost stay in both counts.
 */
export function countLines(before: DrainCheckpoint, after: DrainCheckpoint): void {
  for (const outcome of drainOutcomes) drainLines[outcome] += Math.max(0, after[outcome] - before[outcome]);
}
