/**
 * Times that a message names itself, in a field. One that agrees with its line's time need not be shown beside it; any
 * other must be, since a line has the time at which it was accepted unless its sender gave it one.
 */

/** The names under which programs write the time of a message. */
const timeKeys: ReadonlySet<string> = new Set(["time", "timestamp", "ts", "@timestamp"]);

/** Clocks differ, and lines wait a little on their way. */
const differenceMsMax = 5_000;
const quarterMs = 900_000;

/** True if a field repeats the time of its line; a text that is no time in digits is taken for one that does. */
export function repeatsTime(key: string, value: unknown, lineMs: number): boolean {
  if (!timeKeys.has(key)) return false;
  const awayMs = Math.abs(distanceMs(value, lineMs) ?? 0);
  return awayMs <= differenceMsMax || Number.isNaN(awayMs);
}

const dateForm =
  /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d)?)(?:[.,](\d{1,9}))?\s*(Z|UTC|GMT|[+-]\d\d:?\d\d)?$/i;

function distanceMs(value: unknown, lineMs: number): number | undefined {
  const number =
    typeof value === "number" ? value : /^\d+(\.\d+)?$/.test(String(value)) ? Number(value) : undefined;
  if (number !== undefined) return epochMs(number) - lineMs;
  const [all, day, time, fraction = "0", zone = ""] = dateForm.exec(String(value)) ?? [];
  if (all === undefined) return undefined;
  const offset = /\d/.test(zone) ? zone : "Z";
  const awayMs =
    Date.parse(`${day}T${time}${time!.length === 5 ? ":00" : ""}.${fraction.slice(0, 3)}${offset}`) - lineMs;
  // A time without a zone may be of any, and those differ by quarters of an hour.
  const isOfAnyZone = zone === "" && Math.abs(awayMs) <= 14 * 3_600_000 + differenceMsMax;
  return isOfAnyZone ? awayMs - Math.round(awayMs / quarterMs) * quarterMs : awayMs;
}

/** Numbers count seconds, ms, µs or ns since 1970: today's differ by a factor of a thousand. */
function epochMs(number: number): number {
  if (number < 1e11) return number * 1_000;
  if (number < 1e14) return number;
  return number / (number < 1e17 ? 1_000 : 1_000_000);
}
