/**
 * Times as people write them, on the command line and on the page. Without a zone they are in the person's own; without
 * a day or a year they mean the most recent such moment. Pure except for the zone.
 */
import { daysNamed } from "./day-names.ts";
import { readDuration } from "./durations.ts";

/** For the help of options that take a time. */
export const timeForms = "10m, 14:30, yesterday, 2026-11-28, '28 Nov 14:30', or an RFC 3339 time";

/** The zone of times without one: the person's own, or UTC. */
export type TimeZone = "local" | "utc";

/**
 * A time in the form that the server takes: durations unchanged, so that the server's clock counts, and otherwise RFC
 * 3339. Undefined for any other text.
 */
export function timeAsked(text: string, nowMs: number, zone: TimeZone = "local"): string | undefined {
  if (/^\d{1,9}(ms|s|m|h|d)$/.test(text)) return text;
  const timeMs = readTime(text, nowMs, zone);
  return timeMs === undefined ? undefined : new Date(timeMs).toISOString().replace(/\.000Z$/, "Z");
}

/** The moment that a text names, in ms since 1970; undefined if it names none. */
export function readTime(text: string, nowMs: number, zone: TimeZone = "local"): number | undefined {
  const words = text.trim().replace(/,? +/g, " ");
  const agoMs = readDuration(words.replace(/ ago$/i, ""));
  const timeMs = agoMs === undefined ? readMoment(words.toLowerCase(), nowMs, zone) : nowMs - agoMs;
  return timeMs !== undefined && timeMs >= 0 && timeMs < timeMsMax ? timeMs : undefined;
}

/** RFC 3339 has four digits for the year. */
const timeMsMax = Date.UTC(10_000, 0);

type TimeOfDay = { readonly hour: number; readonly minute: number; readonly ms: number };
const midnight: TimeOfDay = { hour: 0, minute: 0, ms: 0 };

const timeForm =
  /(?:^|[ t])(\d{1,2})(?::(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?)? ?(am|pm)?(?: ?(z|utc|gmt|[+-]\d\d:?\d\d))?$/;

/** A day, a time of day, or both; a zone may follow the time. */
function readMoment(text: string, nowMs: number, zone: TimeZone): number | undefined {
  const match = timeForm.exec(text);
  // A lone number is the day of a month, or its year.
  const isTime = match !== null && (match[2] !== undefined || match[5] !== undefined);
  const time = isTime ? timeOfDay(match) : midnight;
  if (time === undefined || text === "") return undefined;
  const named = isTime && match[6] !== undefined ? zoneOffsetMs(match[6]) : undefined;
  const offsetMs = named ?? (zone === "utc" ? 0 : undefined);
  const moments = daysNamed(isTime ? text.slice(0, match.index) : text, today(nowMs, offsetMs)).map(
    ({ year, month, day }) => momentOf([year, month - 1, day, time.hour, time.minute, 0, time.ms], offsetMs),
  );
  return moments.find((timeMs) => timeMs <= nowMs) ?? moments[0];
}

function timeOfDay(match: RegExpExecArray): TimeOfDay | undefined {
  const [, hours, minutes = "0", seconds = "0", fraction = "0", half] = match;
  const said = Number(hours);
  const hour = half === undefined ? said : (said % 12) + (half === "pm" ? 12 : 0);
  if (hour > 23 || Number(minutes) > 59 || Number(seconds) > 60) return undefined;
  if (half !== undefined && (said < 1 || said > 12)) return undefined;
  return {
    hour,
    minute: Number(minutes),
    ms: Number(seconds) * 1000 + Number(fraction.padEnd(3, "0").slice(0, 3)),
  };
}

function zoneOffsetMs(text: string): number {
  const [, sign, hours, minutes] = /^([+-])(\d\d):?(\d\d)$/.exec(text) ?? [];
  return (sign === "-" ? -1 : 1) * (Number(hours ?? 0) * 60 + Number(minutes ?? 0)) * 60_000;
}

type Fields = readonly [number, number, number, number, number, number, number];

const momentOf = (fields: Fields, offsetMs: number | undefined): number =>
  offsetMs === undefined ? new Date(...fields).getTime() : Date.UTC(...fields) - offsetMs;

function today(nowMs: number, offsetMs: number | undefined) {
  const local = new Date(nowMs);
  if (offsetMs === undefined)
    return { year: local.getFullYear(), month: local.getMonth() + 1, day: local.getDate() };
  const there = new Date(nowMs + offsetMs);
  return { year: there.getUTCFullYear(), month: there.getUTCMonth() + 1, day: there.getUTCDate() };
}
