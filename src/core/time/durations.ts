/** Durations as people write them. */

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

const unitsMs = new Map<string, number>([
  ["ms", 1],
  ...(["s", "sec", "secs", "second", "seconds"] as const).map((unit) => [unit, 1000] as const),
  ...(["m", "min", "mins", "minute", "minutes"] as const).map((unit) => [unit, minuteMs] as const),
  ...(["h", "hr", "hrs", "hour", "hours"] as const).map((unit) => [unit, hourMs] as const),
  ...(["d", "day", "days"] as const).map((unit) => [unit, dayMs] as const),
  ...(["w", "week", "weeks"] as const).map((unit) => [unit, 7 * dayMs] as const),
]);

/**
 * A duration such as `90s`, `1h30m`, `10 min` or `2 hours`, in ms; undefined for other text. Units are lower case: `1M`
 * could be a month.
 */
export function readDuration(text: string): number | undefined {
  if (!/^(?:\d{1,9} ?[a-z]+ ?)+$/.test(text)) return undefined;
  let totalMs = 0;
  for (const [, count, unit] of text.matchAll(/(\d+) ?([a-z]+)/g)) {
    const unitMs = unitsMs.get(unit!);
    if (unitMs === undefined) return undefined;
    totalMs += Number(count) * unitMs;
  }
  return totalMs;
}
