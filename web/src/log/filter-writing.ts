/** Writes a filter as text that is read back as the same filter. */
import { type TimeZone, timeAsked } from "../../../src/core/time/time-words.ts";
import type { Filter } from "./filter.ts";
import { filterFromText } from "./filter-text.ts";

/** A text that `filterFromText` reads back as the same filter; times are in `zone`. */
export function textOfFilter(filter: Filter, zone: TimeZone = "local"): string {
  const { sources, dynos, excludeDynos, match, exclude, since, until, level, before = 0, after = 0 } = filter;
  const around =
    before === after
      ? [before > 0 && `context:${before}`]
      : [before > 0 && `before:${before}`, after > 0 && `after:${after}`];
  return [
    match && writtenAs([match, `match:${value(match)}`, `match:${inQuotes(match)}`], { match }),
    dynos && `dyno:${value(dynos.join(","))}`,
    sources && `source:${value(sources.join(","))}`,
    level && `level:${value(level)}`,
    since && `since:${value(timeText(since, zone))}`,
    until && `until:${value(timeText(until, zone))}`,
    ...around,
    excludeDynos && `-dyno:${value(excludeDynos.join(","))}`,
    exclude &&
      writtenAs(
        [
          exclude
            .split("|")
            .map((one) => `-${one}`)
            .join(" "),
          `-${exclude}`,
          `exclude:${inQuotes(exclude)}`,
        ],
        {
          exclude,
        },
      ),
  ]
    .filter((part) => typeof part === "string" && part !== "")
    .join(" ");
}

const inQuotes = (text: string): string => `"${text.replaceAll('"', '""')}"`;
const value = (text: string): string => (/\s|^"|^$/.test(text) ? inQuotes(text) : text);

/** A quote at the start of a word could be closed by a later one. */
const bareQuote = /(?:^|\s)-?"/;

/** The first of these texts that means exactly this, whatever follows it. */
function writtenAs(texts: readonly string[], wanted: Filter): string {
  const isRight = (text: string) => {
    if (bareQuote.test(text)) return false;
    const read = filterFromText(text);
    return read.kind === "filter" && JSON.stringify(read.filter) === JSON.stringify(wanted);
  };
  return texts.find(isRight) ?? texts.at(-1)!;
}

/** A moment as its date, with only as much of its time as needed: `2026-11-28`, `2026-11-28T14:30`. */
function timeText(time: string, zone: TimeZone): string {
  const timeMs = Date.parse(time);
  if (Number.isNaN(timeMs) || !time.includes("T")) return time;
  const offsetMs = zone === "utc" ? 0 : new Date(timeMs).getTimezoneOffset() * 60_000;
  const there = new Date(timeMs - offsetMs).toISOString();
  const text = there.replace(/(?:T00:00)?(?::00)?\.000Z$|Z$/, "");
  return timeAsked(text, timeMs, zone) === time ? text : time;
}
