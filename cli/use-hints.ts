/** Hints after wrong use of the command line: what is missing and how to find it, and our word for another tool's. */
import { Command, type ErrorOptions } from "commander";
import { ListedArgument, listOf } from "./listed.ts";
import { useMend } from "./output.ts";

/** Other tools' words for things that `logs` calls differently. Heroku's come first. */
export const otherWords: Readonly<Record<string, string>> = {
  "--ps": "--dyno",
  "--dyno-name": "--dyno",
  "--process-type": "--dyno",
  "-p": "--dyno",
  "--force-colors": "FORCE_COLOR=1",
  "--container": "--dyno",
  "--include": "--match",
  "--grep": "--match",
  "--filter": "--match",
  "--lines": "--num",
  "--limit": "--num",
  "--priority": "--level",
  "--severity": "--level",
  "--output": "--json",
  "-o": "--json",
  "--timestamps": "--time",
};

/** A command whose usage errors say what to write instead. */
export class HintingCommand extends Command {
  override createCommand(name?: string): Command {
    return new HintingCommand(name);
  }

  override error(message: string, options?: ErrorOptions): never {
    const hint = hintAt(this, message, options?.code);
    const mend = [hint, useMend].filter(Boolean).join("\n");
    this.showHelpAfterError(mend);
    try {
      return super.error(hint === undefined ? message : message.replace(/\n\(Did you mean .*$/, ""), options);
    } catch (error) {
      throw Object.assign(error as Error, { mend });
    }
  }
}

function hintAt(command: Command, message: string, code: string | undefined): string | undefined {
  const [, named = ""] = /'(\S+)/.exec(message) ?? [];
  const { app } = command.opts<{ app?: string | readonly string[] }>();
  if (code === "commander.missingArgument")
    return missing(
      command,
      command.args.length,
      [app].flat().filter((name) => name !== undefined),
    );
  if (code === "commander.missingMandatoryOptionValue") {
    const option = command.options.find(({ long }) => long === named);
    return option && `${named}: ${option.description}.`;
  }
  if (code === "commander.excessArguments") return excess(command, app === undefined);
  const flag = named.replace(/[='].*$/, "");
  if (code !== "commander.unknownOption" || command.name() !== "logs") return undefined;
  return Object.hasOwn(otherWords, flag) ? `${flag} is ${otherWords[flag]} here.` : undefined;
}

function missing(command: Command, at: number, apps: readonly string[]): string {
  const argument = command.registeredArguments[at]!;
  const list =
    argument instanceof ListedArgument
      ? `; "${listOf(argument.kind, apps.length === 1 ? apps[0] : undefined)}" lists them`
      : "";
  const choices = argument.argChoices?.join(", ") ?? "";
  return `${argument.name()}: ${argument.description}${choices && ` (${choices})`}${list}.`;
}

/** A surplus word is the app, or what to search for. */
function excess(command: Command, isAppMissing: boolean): string | undefined {
  const optionOf = (name: string) => command.options.find(({ long }) => long === name);
  const [app, match] = [optionOf("--app"), optionOf("--match")];
  const hints = [
    isAppMissing && app && `An app is named by ${app.short ?? app.long}.`,
    match && `A pattern to look for is given by ${match.long}.`,
  ];
  return hints.filter(Boolean).join(" ") || undefined;
}
