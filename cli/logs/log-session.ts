/** The options of `logs` that select lines, and the session that they ask for. */
import { type Command, InvalidArgumentError } from "commander";
import { anyOf, type Finder, finders, neighboursMax } from "../../src/core/filter/log-finders.ts";
import { type Level, levelNamed, levels } from "../../src/core/message/level.ts";
import { parsePosition } from "../../src/core/position.ts";
import { timeAsked, timeForms } from "../../src/core/time/time-words.ts";
import type { SessionBody } from "../api/api-types.ts";
import { collect } from "../context.ts";
import { wrongUse } from "../errors.ts";
import { isFiltered } from "./line-test.ts";
import type { NeighbourCounts } from "./neighbours.ts";

export type SessionOptions = {
  readonly num?: number;
  readonly tail?: true;
  readonly follow?: true;
  readonly source?: readonly string[];
  readonly dyno?: readonly string[];
  readonly excludeDyno?: readonly string[];
  readonly level?: Level;
  readonly since?: string;
  readonly until?: string;
  readonly from?: string;
  readonly match?: readonly string[];
  readonly exclude?: readonly string[];
  readonly beforeContext?: number;
  readonly afterContext?: number;
  readonly context?: number;
  readonly untilMatch?: string;
  readonly raw?: true;
};

const linesDefault = 100;

/** Adds the options to a command. */
export function addSessionOptions(command: Command): Command {
  command
    .option(
      "-n, --num <lines>",
      `how many of the newest lines (default: ${linesDefault}, or all with --since)`,
      lineCount,
    )
    .option("-t, --tail", "keep following new lines; reconnects by itself")
    .option("-f, --follow", "the same as --tail");
  for (const { flags, help, kind } of Object.values(finders)) command.option(flags, help, readers[kind]);
  return command
    .option("--from <position>", "continue after this position, as --positions prints it", position)
    .option("--until-match <re>", "end after the first line whose text matches (RE2)");
}

/** A time in the server's form. */
export function since(text: string): string {
  const asked = timeAsked(text, Date.now());
  if (asked === undefined) throw new InvalidArgumentError(`Write a time as ${timeForms}.`);
  return asked;
}

const collected = (value: string, before: unknown) => collect(value, before as readonly string[] | undefined);
const readers: Readonly<Record<Finder["kind"], (value: string, before: unknown) => unknown>> = {
  names: collected,
  level,
  time: since,
  pattern: collected,
  lines: neighbourCount,
};

/** Throws wrong use for options that exclude each other. */
export function checkSession(options: SessionOptions, apps: readonly string[]): void {
  const isTail = isTailing(options);
  const excluding: readonly [isSo: boolean, message: string, mend: string][] = [
    [
      options.from !== undefined && apps.length > 1,
      "--from is a place in the log of one app.",
      "Name one app.",
    ],
    ...(["since", "num", "until"] as const).map((other): [boolean, string, string] => [
      options.from !== undefined && options[other] !== undefined,
      `--from and --${other} exclude each other.`,
      "Give one of them.",
    ]),
    [isTail && options.until !== undefined, "--until and --tail exclude each other.", "Give one of them."],
    [
      neighboursOf(options) !== undefined && !isFiltered(filtersOf(options)),
      "-A, -B and -C show the neighbours of what is found, and nothing is looked for.",
      "Add --match, --level or another filter.",
    ],
    [
      options.raw === true && readsMessages(options),
      "--raw has no meaning with -A, -B, -C and --until-match.",
      "Leave one of them out.",
    ],
  ];
  for (const [isSo, message, mend] of excluding) if (isSo) throw wrongUse(message, mend);
}

export const isTailing = ({ tail, follow }: SessionOptions): boolean => tail === true || follow === true;

/** True if the text of lines is read locally, in whatever form they are printed. */
export const readsMessages = (options: SessionOptions): boolean =>
  neighboursOf(options) !== undefined || options.untilMatch !== undefined;

export function neighboursOf(options: SessionOptions): NeighbourCounts | undefined {
  const before = options.beforeContext ?? options.context ?? 0;
  const after = options.afterContext ?? options.context ?? 0;
  return before + after === 0 ? undefined : { before, after };
}

/** The session that shows what the options ask for, its lines in `format`. */
export function sessionOf(options: SessionOptions, format: SessionBody["format"]): SessionBody {
  const lines = options.num ?? (options.since === undefined ? linesDefault : undefined);
  return {
    ...(lines !== undefined && { lines }),
    tail: isTailing(options),
    ...filtersOf(options),
    ...(options.since !== undefined && { since: options.since }),
    ...(options.until !== undefined && { until: options.until }),
    format,
  };
}

const filtersOf = ({ source, dyno, excludeDyno, level, match, exclude }: SessionOptions) => ({
  ...(source && { source: oneOrAll(source) }),
  ...(dyno && { dyno: oneOrAll(dyno) }),
  ...(excludeDyno && { exclude_dyno: excludeDyno }),
  ...(level && { level }),
  ...(match && { match: anyOf(match) }),
  ...(exclude && { exclude: anyOf(exclude) }),
});

/** A single name is a string, as Heroku's clients write it. */
const oneOrAll = (names: readonly string[]): string | readonly string[] =>
  names.length === 1 ? names[0]! : names;

function level(text: string): Level {
  const named = levelNamed(text);
  if (named === undefined) throw new InvalidArgumentError(`Write one of ${levels.join(", ")}.`);
  return named;
}

function position(text: string): string {
  if (parsePosition(text) === undefined)
    throw new InvalidArgumentError("Write a position as --positions prints it.");
  return text;
}

function lineCount(text: string): number {
  if (!/^[0-9]{1,9}$/.test(text)) throw new InvalidArgumentError("Write a whole number from 0 to 999999999.");
  return Number(text);
}

function neighbourCount(text: string): number {
  if (!/^[0-9]{1,3}$/.test(text) || Number(text) > neighboursMax)
    throw new InvalidArgumentError(`Write a whole number from 0 to ${neighboursMax}.`);
  return Number(text);
}
