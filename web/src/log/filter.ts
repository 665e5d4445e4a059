/** A filter as people write it, as the address holds it, and as the API takes it. Its fields are those of `tailrace logs`. */
import { type Grade, grades } from "../../../src/core/level.ts";

export type Filter = {
  readonly sources?: readonly string[];
  readonly dynos?: readonly string[];
  /** None of these processes. */
  readonly excludeDynos?: readonly string[];
  readonly match?: string;
  readonly exclude?: string;
  readonly since?: string;
  /** This severity and worse. */
  readonly level?: Level;
};

/** From the worst on. */
export const levels = grades;
export type Level = Grade;

const words: Readonly<Record<string, "sources" | "dynos" | "since" | "level" | "match" | "exclude">> = {
  source: "sources",
  dyno: "dynos",
  process: "dynos",
  since: "since",
  level: "level",
  match: "match",
  exclude: "exclude",
};

/** `timeout dyno:web source:app level:error since:10m -dyno:web.2 -healthz`: words match together, a minus excludes. */
export function filterFromText(text: string): Filter {
  const found: {
    sources: string[];
    dynos: string[];
    excludeDynos: string[];
    match: string[];
    exclude: string[];
    since?: string;
    level?: Level | undefined;
  } = { sources: [], dynos: [], excludeDynos: [], match: [], exclude: [] };
  for (const word of text.trim().split(/\s+/)) {
    const [, name, value] = /^([a-z]+):(.+)$/.exec(word) ?? [];
    const field = name === undefined ? undefined : words[name];
    if (field === "sources") found.sources.push(...value!.split(","));
    else if (field === "dynos") found.dynos.push(...value!.split(",").map(dynoOf));
    else if (field === "since") found.since = value!;
    else if (field === "level") found.level = levelOf(value!);
    else if (field === "match" || field === "exclude") found[field].push(value!);
    else if (/^-(?:dyno|process):./.test(word))
      found.excludeDynos.push(
        ...word
          .slice(word.indexOf(":") + 1)
          .split(",")
          .map(dynoOf),
      );
    else if (/^-./.test(word)) found.exclude.push(word.slice(1));
    else if (word !== "") found.match.push(word);
  }
  return withoutEmpty({
    sources: found.sources,
    dynos: found.dynos,
    excludeDynos: found.excludeDynos,
    match: found.match.join(" "),
    exclude: found.exclude.join("|"),
    since: found.since,
    level: found.level,
  });
}

/** What `filterFromText` reads back as the same. */
export function textOfFilter({ sources, dynos, excludeDynos, match, exclude, since, level }: Filter): string {
  return [
    match,
    dynos && `dyno:${dynos.join(",")}`,
    sources && `source:${sources.join(",")}`,
    level && `level:${level}`,
    since && `since:${since}`,
    excludeDynos && `-dyno:${excludeDynos.join(",")}`,
    ...(exclude?.split("|").map((one) => `-${one}`) ?? []),
  ]
    .filter((part) => part !== undefined)
    .join(" ");
}

export function filterToParams(filter: Filter): URLSearchParams {
  const params = new URLSearchParams();
  if (filter.sources) params.set("source", filter.sources.join(","));
  if (filter.dynos) params.set("dyno", filter.dynos.join(","));
  if (filter.excludeDynos) params.set("exclude_dyno", filter.excludeDynos.join(","));
  for (const field of ["match", "exclude", "since", "level"] as const) {
    const value = filter[field];
    if (value !== undefined) params.set(field, value);
  }
  return params;
}

export function filterFromParams(params: URLSearchParams): Filter {
  const list = (name: string) => (params.get(name) ?? "").split(",").filter((part) => part !== "");
  const text = (name: string) => params.get(name) ?? "";
  return withoutEmpty({
    sources: list("source"),
    dynos: list("dyno").map(dynoOf),
    excludeDynos: list("exclude_dyno").map(dynoOf),
    match: text("match"),
    exclude: text("exclude"),
    since: text("since"),
    level: levelOf(text("level")),
  });
}

/** The fields of a log session that choose lines. */
export const sessionFields = ({ sources, dynos, excludeDynos, match, exclude, level }: Filter) => ({
  ...(sources && { source: sources }),
  ...(dynos && { dyno: dynos }),
  ...(excludeDynos && { exclude_dyno: excludeDynos }),
  ...(match && { match }),
  ...(exclude && { exclude }),
  ...(level && { level }),
});

/** The same in a query, and `span`. A filter that begins at a time is told as the span since then. */
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

/** True when every line passes, so that running numbers have to follow one another. */
export const isOpen = ({ sources, dynos, excludeDynos, match, exclude, level }: Filter): boolean =>
  !sources && !dynos && !excludeDynos && !match && !exclude && !level;

const dynoOf = (name: string): string => name.replace(/\.\*$/, "");
const aliases: Readonly<Record<string, Level>> = {
  err: "error",
  warning: "warn",
  crit: "error",
  notice: "info",
};
const levelOf = (word: string): Level | undefined => levels.find((level) => level === word) ?? aliases[word];

type Loose = { readonly [Field in keyof Filter]: Filter[Field] | undefined };

function withoutEmpty(filter: Loose): Filter {
  const given = Object.entries(filter).filter(([, value]) => value !== undefined && value.length > 0);
  return Object.fromEntries(given) as Filter;
}
