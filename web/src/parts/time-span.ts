/** The stretch of time that a chart shows. */

/**
 * From the first time to the end of the last step, in seconds, as charts count: a bar of one step is as wide as its step. Without
 * steps it ends at the last time. Undefined where nothing has a width: the chart then chooses.
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
