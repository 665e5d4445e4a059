/**
 * A filter as people write it: `timeout dyno:web level:error since:1h -healthz`. Words without a name are the text to
 * search for, a minus excludes, and a value with spaces needs quotes.
 */

import {
  anyOf,
  type Finder,
  type FinderName,
  finders,
  neighboursMax,
} from "../../../src/core/filter/log-finders.ts";
import { levels as allLevels } from "../../../src/core/message/level.ts";
import { type TimeZone, timeAsked, timeForms } from "../../../src/core/time/time-words.ts";
import { countIn, dynoOf, type Filter, hasNeighbours, isOpen, levelIn, withoutEmpty } from "./filter.ts";

/** The meaning of a text, or why it has none and what to write instead. */
export type FilterText =
  | { readonly kind: "filter"; readonly filter: Filter }
  | { readonly kind: "bad"; readonly message: string; readonly mend: string };
type Bad = Extract<FilterText, { kind: "bad" }>;

const wordFor = (name: FinderName): string => (finders[name] as Finder).word ?? name;
const names = Object.keys(finders) as FinderName[];
const byWord = new Map<string, FinderName>([
  ...names.map((name) => [wordFor(name), name] as const),
  ["process", "dyno"],
]);

/** The words that a filter knows, as help for typing one. */
export const filterWords = names.map((name) => `${wordFor(name)}:`).join(" ");

/** Each of them with its help. */
export const filterHelp = names.map((name) => [wordFor(name), finders[name].help] as const);

/** A hint at what somebody who wrote this may have meant; undefined if it means what it seems to. */
export function hintOf(text: string): string | undefined {
  if (/(?:^|\s)-?\/\S*[|()[\]\\+*^$]\S*\/[a-z]?(?=\s|$)/.test(text))
    return "These slashes are looked for, too: an expression stands here without them, as in a|b.";
  if (/\S\s+(?:OR|AND|NOT)\s+\S/.test(text))
    return "OR, AND and NOT are looked for as words: write a|b for one of two, and -b for what is left out.";
  return undefined;
}

/** The parts of a text that have been found so far. */
type Found = { [Name in FinderName]: string[] } & { text: string[] };

/** Times without a zone are in `zone`. */
export function filterFromText(text: string, nowMs = Date.now(), zone: TimeZone = "local"): FilterText {
  const found = Object.fromEntries([...names, "text"].map((name) => [name, []])) as unknown as Found;
  for (const [, minus = "", name, quoted, bare = ""] of text.trim().matchAll(wordForm)) {
    const value = quoted?.replaceAll('""', '"') ?? bare;
    const flaw = put(
      found,
      { isMinus: minus === "-", name, value, isQuoted: quoted !== undefined },
      nowMs,
      zone,
    );
    if (flaw !== undefined) return flaw;
  }
  const phrase = found.text.join(" ");
  const matches = phrase === "" ? found.match : [phrase, ...found.match];
  const [context] = found.context.slice(-1);
  const filter = withoutEmpty({
    sources: found.source,
    dynos: found.dyno,
    excludeDynos: found.excludeDyno,
    match: matches.length === 0 ? undefined : anyOf(matches),
    exclude: found.exclude.length === 0 ? undefined : oneOf(found.exclude),
    since: found.since.at(-1),
    until: found.until.at(-1),
    level: found.level.at(-1),
    before: Number(found.beforeContext.at(-1) ?? context ?? 0),
    after: Number(found.afterContext.at(-1) ?? context ?? 0),
  });
  if (hasNeighbours(filter) && isOpen(filter))
    return bad(
      "Neighbours are shown of what is found, and nothing is looked for.",
      "Add a word, level:warn, or another filter.",
    );
  return { kind: "filter", filter };
}

/** `name:"a value"`, `name:value`, `"a text"`, `text`, each possibly after a minus. A quote in quotes is doubled. */
const wordForm = /(-(?=\S))?(?:([a-z][a-z-]+):)?(?:"((?:[^"]|"")*)"(?=\s|$)|(\S+))/g;

type Word = {
  readonly isMinus: boolean;
  readonly name: string | undefined;
  readonly value: string;
  readonly isQuoted: boolean;
};

function put(found: Found, word: Word, nowMs: number, zone: TimeZone): Bad | undefined {
  const { isMinus, name, value, isQuoted } = word;
  const empty = isQuoted ? undefined : byWord.get(/^(.+):$/.exec(value)?.[1] ?? "");
  if (name === undefined && empty !== undefined)
    return bad(`“${value}” says nothing.`, `Write ${exampleOf(empty)}, without a blank behind the colon.`);
  const known = name === undefined ? undefined : byWord.get(name);
  if (known === undefined) {
    if (name !== undefined && !value.startsWith("//")) return unknownWord(name, value, isQuoted);
    found[isMinus ? "exclude" : "text"].push(name === undefined ? value : `${name}:${value}`);
    return undefined;
  }
  if (value === "") return bad(`“${name}:” says nothing.`, `Write ${exampleOf(known)}.`);
  if (!isQuoted && value.startsWith('"'))
    return bad(`The quote behind “${name}:” has no end.`, `Write ${exampleOf(known)}.`);
  if (isMinus && known !== "dyno" && known !== "match")
    return bad(
      `A minus before “${name}:” says nothing.`,
      "It leaves out processes, as in -dyno:web.2, or text, as in -healthz.",
    );
  return read(found, isMinus ? (known === "dyno" ? "excludeDyno" : "exclude") : known, value, nowMs, zone);
}

function read(
  found: Found,
  known: FinderName,
  value: string,
  nowMs: number,
  zone: TimeZone,
): Bad | undefined {
  const { kind }: Finder = finders[known];
  const word = wordFor(known);
  switch (kind) {
    case "names": {
      const given = value.split(",").filter((name) => name !== "");
      found[known].push(...(known === "source" ? given : given.map(dynoOf)));
      return undefined;
    }
    case "pattern":
      found[known].push(value);
      return undefined;
    case "level": {
      const level = levelIn(value);
      if (level === undefined)
        return bad(`${quoted(value)} is no level.`, `Write one of ${allLevels.join(", ")}.`);
      found[known].push(level);
      return undefined;
    }
    case "time": {
      const time = timeAsked(value, nowMs, zone);
      if (time === undefined)
        return bad(
          `${quoted(value)} is no time for “${word}:”.`,
          `Write a time as ${timeForms.replaceAll("'", '"')}.`,
        );
      found[known].push(time);
      return undefined;
    }
    case "lines":
      if (countIn(value) === undefined)
        return bad(
          `${quoted(value)} is no number of lines.`,
          `Write ${word}: with a whole number from 0 to ${neighboursMax}.`,
        );
      found[known].push(value);
      return undefined;
  }
}

const examples: Readonly<Record<Finder["kind"], string>> = {
  names: "web",
  level: "error",
  time: '"yesterday 14:30"',
  pattern: '"status=5.."',
  lines: "3",
};
const exampleOf = (name: FinderName): string => `${wordFor(name)}:${examples[finders[name].kind]}`;
const bad = (message: string, mend: string): Bad => ({ kind: "bad", message, mend });
const quoted = (value: string): string => `“${value.length > 40 ? `${value.slice(0, 40)}…` : value}”`;
const unknownWord = (name: string, value: string, isQuoted: boolean): Bad =>
  bad(
    `There is no filter “${name}:”.`,
    `There are ${filterWords.replaceAll(": ", ", ").slice(0, -1)}. To find that text, write "${name}:${isQuoted ? `""${value}""` : value}".`,
  );

// A flag in one expression would apply to those after it.
const oneOf = (patterns: readonly string[]): string =>
  patterns.some((pattern) => pattern.includes("(?")) ? anyOf(patterns) : patterns.join("|");
