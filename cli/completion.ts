/**
 * Completes the word at the cursor of a command line: commands, options, and values of options that have known ones.
 */
import type { Argument, Command, Option } from "commander";
import { levels } from "../src/core/message/level.ts";
import { timeStyles } from "./view/times.ts";

/** One possible completion, and its description. */
export type Candidate = { readonly text: string; readonly about: string };

/** Names that a server knows; empty if it cannot tell. */
export type KnownNames = {
  readonly apps: () => Promise<readonly string[]>;
  readonly drains: (app: string) => Promise<readonly string[]>;
  readonly processes: (app: string) => Promise<readonly string[]>;
};

/**
 * The candidates for the last of `words`, which may be empty or partly typed. `words` does not include the program's
 * own name.
 */
export async function candidatesFor(
  program: Command,
  words: readonly string[],
  known: KnownNames,
): Promise<readonly Candidate[]> {
  const [name = "", ...rest] = words;
  const begun = words.at(-1) ?? "";
  if (words.length < 2) return beginningWith(begun, [...commandsOf(program), ...optionsOf(program)]);
  const command = program.commands.find((other) => other.name() === name);
  if (command === undefined || rest.slice(0, -1).includes("--")) return [];
  const [flag, value] = /^--[^=]+=/.test(begun) ? splitAt(begun) : ["", begun];
  const before = rest.at(-2);
  const option =
    optionNamed(command, flag) ?? (begun.startsWith("-") ? undefined : optionNamed(command, before));
  if (option !== undefined) {
    const values = await valuesOf(option.attributeName(), option, rest, known);
    return beginningWith(value, values).map((one) =>
      flag === "" ? one : { ...one, text: `${flag}=${one.text}` },
    );
  }
  if (begun.startsWith("-")) return beginningWith(begun, optionsOf(command));
  const argument = command.registeredArguments[argumentsBefore(command, rest.slice(0, -1))];
  return argument === undefined
    ? []
    : beginningWith(begun, await argumentValues(command, argument, rest, known));
}

const beginningWith = (begun: string, all: readonly Candidate[]): readonly Candidate[] =>
  all.filter(({ text }) => text.startsWith(begun));

function splitAt(word: string): readonly [string, string] {
  const at = word.indexOf("=");
  return [word.slice(0, at), word.slice(at + 1)];
}

const commandsOf = (program: Command): readonly Candidate[] =>
  program
    .createHelp()
    .visibleCommands(program)
    .filter((command) => command.name() !== "help")
    .map((command) => ({ text: command.name(), about: command.description() }));

const optionsOf = (command: Command): readonly Candidate[] =>
  command
    .createHelp()
    .visibleOptions(command)
    .map((option) => ({ text: option.long ?? option.short!, about: option.description }));

/** The option with this flag, if it takes a value. */
function optionNamed(command: Command, flag: string | undefined): Option | undefined {
  if (flag === undefined || !flag.startsWith("-")) return undefined;
  return command.options.find(
    (option) => (option.long === flag || option.short === flag) && (option.required || option.optional),
  );
}

/** The number of arguments among `words`, not counting values of options. */
function argumentsBefore(command: Command, words: readonly string[]): number {
  return words.filter(
    (word, at) => !word.startsWith("-") && optionNamed(command, words[at - 1]) === undefined,
  ).length;
}

async function valuesOf(
  name: string,
  option: Pick<Option, "argChoices">,
  words: readonly string[],
  known: KnownNames,
): Promise<readonly Candidate[]> {
  if (option.argChoices !== undefined) return option.argChoices.map(plain);
  if (name === "app" || name === "confirm") return (await known.apps()).map(plain);
  if (name === "drain") return (await known.drains(appIn(words))).map(plain);
  if (name === "dyno" || name === "excludeDyno") return (await known.processes(appIn(words))).map(plain);
  if (name === "level") return levels.map(plain);
  return name === "time" ? timeStyles.map(plain) : [];
}

/** Values of arguments that are apps, drains or choices; `apps:destroy NAME` takes an app. */
function argumentValues(
  command: Command,
  argument: Argument,
  words: readonly string[],
  known: KnownNames,
): Promise<readonly Candidate[]> {
  const isOld = command.name().startsWith("apps:") && !command.name().endsWith(":create");
  return valuesOf(isOld ? "app" : argument.name(), argument, words, known);
}

const appIn = (words: readonly string[]): string =>
  words[words.findIndex((word) => /^(?:-a|--app)$/.test(word)) + 1] ?? "";

const plain = (text: string): Candidate => ({ text, about: "" });
