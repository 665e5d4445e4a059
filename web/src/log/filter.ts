/**
 * A filter in the forms of the address and of the API. Its fields are those of `tailrace logs`
 * (`core/filter/log-finders.ts`).
 */

import { neighboursMax } from "../../../src/core/filter/log-finders.ts";
import { type Grade, gradeOf, type Level, levelNamed } from "../../../src/core/message/level.ts";
import { timeAsked } from "../../../src/core/time/time-words.ts";

export type Filter = {
  readonly sources?: readonly string[];
  readonly dynos?: readonly string[];
  /** None of these processes. */
  readonly excludeDynos?: readonly string[];
  readonly match?: string;
  readonly exclude?: string;
  /** How long ago, or RFC 3339. The server refuses other words. */
  readonly since?: string;
  readonly until?: string;
  /** This severity and worse: one of `grades`, or one of syslog's levels between two of them. */
  readonly level?: string;
  /** How many lines to show before and after each match. */
  readonly before?: number;
  readonly after?: number;
};

export function filterToParams(filter: Filter): URLSearchParams {
  const params = new URLSearchParams();
  const { sources, dynos, excludeDynos, before, after } = filter;
  if (sources) params.set("source", sources.join(","));
  if (dynos) params.set("dyno", dynos.join(","));
  if (excludeDynos) params.set("exclude_dyno", excludeDynos.join(","));
  for (const field of ["match", "exclude", "since", "until", "level"] as const) {
    const value = filter[field];
    if (value !== undefined) params.set(field, value);
  }
  if (before !== undefined && before === after) params.set("context", String(before));
  else {
    if (before !== undefined) params.set("before", String(before));
    if (after !== undefined) params.set("after", String(after));
  }
  return params;
}

export function filterFromParams(params: URLSearchParams, nowMs = Date.now()): Filter {
  const list = (name: string) => (params.get(name) ?? "").split(",").filter((part) => part !== "");
  const text = (name: string) => params.get(name) ?? "";
  const time = (name: string) => timeAsked(text(name), nowMs) ?? text(name);
  const around = countIn(text("context"));
  return withoutEmpty({
    sources: list("source"),
    dynos: list("dyno").map(dynoOf),
    excludeDynos: list("exclude_dyno").map(dynoOf),
    match: text("match"),
    exclude: text("exclude"),
    since: time("since"),
    until: time("until"),
    level: levelIn(text("level")) ?? text("level"),
    before: countIn(text("before")) ?? around,
    after: countIn(text("after")) ?? around,
  });
}

/** The fields of a log session that select lines. */
export const sessionFields = ({ sources, dynos, excludeDynos, match, exclude, level }: Filter) => ({
  ...(sources && { source: sources }),
  ...(dynos && { dyno: dynos }),
  ...(excludeDynos && { exclude_dyno: excludeDynos }),
  ...(match && { match }),
  ...(exclude && { exclude }),
  ...(level && { level }),
});

/** The fields of a search, that is, for existing lines, with their neighbours. */
export const searchFields = (filter: Filter) => ({
  ...sessionFields(filter),
  ...(filter.since && { since: filter.since }),
  ...(filter.before && { context_before: filter.before }),
  ...(filter.after && { context_after: filter.after }),
});

/** The same as a query, and `span`. A filter with a start time gets the span since then. */
export function histogramQuery(filter: Filter, span: string | undefined, nowMs: number): URLSearchParams {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(sessionFields(filter)))
    for (const one of [value].flat()) query.append(name, one);
  const since = filter.since === undefined ? undefined : spanSince(filter.since, nowMs);
  const chosen = since ?? span;
  if (chosen !== undefined) query.set("span", chosen);
  return query;
}

const spanSince = (since: string, nowMs: number): string | undefined =>
  /^\d{1,9}(?:s|m|h|d)$/.test(since)
    ? since
    : Number.isNaN(Date.parse(since))
      ? undefined
      : `${Math.max(1, Math.ceil((nowMs - Date.parse(since)) / 1_000))}s`;

const unitsMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** The moment that a filter's `since` or `until` means. */
export function momentOf(time: string, nowMs: number): number {
  const [, count, unit] = /^(\d{1,9})(ms|s|m|h|d)$/.exec(time) ?? [];
  return count === undefined ? Date.parse(time) : nowMs - Number(count) * unitsMs[unit!]!;
}

/** True if every line passes, so that line numbers must be consecutive. */
export const isOpen = (filter: Filter): boolean => Object.keys(sessionFields(filter)).length === 0;

export const hasNeighbours = ({ before = 0, after = 0 }: Filter): boolean => before + after > 0;

/** True if it asks only for existing lines, and none come live. */
export const isSearch = (filter: Filter): boolean => filter.until !== undefined || hasNeighbours(filter);

export const dynoOf = (name: string): string => name.replace(/\.\*$/, "");

/** The name of a level that a filter can have; undefined for other words. */
export function levelIn(word: string): string | undefined {
  const level = levelNamed(word);
  return level === undefined ? undefined : wordOf(level);
}

// The mildest level of a grade goes by the grade's name; any other, such as `notice`, keeps fewer lines than its grade.
function wordOf(level: Level): string {
  const grade: Grade = gradeOf(level);
  return levelNamed(grade) === level ? grade : level;
}

/** A number of neighbours; undefined if it is not one. */
export const countIn = (text: string): number | undefined =>
  /^\d{1,3}$/.test(text) && Number(text) <= neighboursMax ? Number(text) : undefined;

type Loose = { readonly [Field in keyof Filter]: Filter[Field] | undefined };

export function withoutEmpty(filter: Loose): Filter {
  const given = Object.entries(filter).filter(
    ([, value]) =>
      value !== undefined &&
      value !== 0 &&
      !(typeof value === "object" && value.length === 0) &&
      value !== "",
  );
  return Object.fromEntries(given) as Filter;
}
