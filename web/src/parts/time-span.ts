/** The time span that a chart shows. */

/**
 * From the first time to the end of the last step, in seconds, as charts need: the bar of a single step is as wide as
 * the step. Without steps it ends at the last time. Undefined if it would have no width: the chart then chooses.
 */
export function timeSpanOf(
  timesMs: readonly number[],
  stepMs: number | undefined,
): readonly [fromS: number, toS: number] | undefined {
  const [first, last] = [timesMs[0], timesMs.at(-1)];
  if (first === undefined || last === undefined) return undefined;
  const end = last + (stepMs ?? 0);
  return end > first ? [first / 1000, end / 1000] : undefined;
}
