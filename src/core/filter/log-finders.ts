/**
 * The words that select lines of a log, the same on the command line (`--since 1h`) and in the page's filter
 * (`since:1h`). Both are made from this table.
 */
import { levels } from "../message/level.ts";
import { timeForms } from "../time/time-words.ts";

export type Finder = {
  /** The option on the command line. */
  readonly flags: string;
  /** The kind of value: names separated by commas, a level, a time, an RE2 expression, or a number of lines. */
  readonly kind: "names" | "level" | "time" | "pattern" | "lines";
  readonly help: string;
  /** Its word in the page's filter, if it is not the option's. */
  readonly word?: string;
};

/** The most lines to show before and after each line that is found. */
export const neighboursMax = 100;

export const finders = {
  source: {
    flags: "-s, --source <source>",
    kind: "names",
    help: "only this source: app, heroku, … (may be repeated)",
  },
  dyno: {
    flags: "-d, --dyno <dyno>",
    kind: "names",
    help: "only this process (web.1) or type (web, 'web.*') (may be repeated)",
  },
  excludeDyno: {
    flags: "--exclude-dyno <dyno>",
    kind: "names",
    help: "not this process or type (may be repeated)",
    word: "exclude-dyno",
  },
  level: {
    flags: "--level <level>",
    kind: "level",
    help: `only lines at least this severe: ${levels.join(", ")}`,
  },
  since: { flags: "--since <time>", kind: "time", help: `only lines since then: ${timeForms}` },
  until: {
    flags: "--until <time>",
    kind: "time",
    help: "no lines after this time, which is written the same way",
  },
  match: {
    flags: "--match <re>",
    kind: "pattern",
    help: "only lines whose text matches (RE2); repeated: any of them",
  },
  exclude: {
    flags: "--exclude <re>",
    kind: "pattern",
    help: "not the lines whose text matches (RE2); repeated: none of them",
  },
  context: {
    flags: "-C, --context <lines>",
    kind: "lines",
    help: "show this many lines before and after each match",
  },
  beforeContext: {
    flags: "-B, --before-context <lines>",
    kind: "lines",
    help: "lines before each match",
    word: "before",
  },
  afterContext: {
    flags: "-A, --after-context <lines>",
    kind: "lines",
    help: "lines after each match",
    word: "after",
  },
} as const satisfies Readonly<Record<string, Finder>>;

export type FinderName = keyof typeof finders;

/** Several expressions as one that matches where any of them does. */
export const anyOf = (patterns: readonly string[]): string =>
  patterns.length === 1 ? patterns[0]! : patterns.map((pattern) => `(?:${pattern})`).join("|");
