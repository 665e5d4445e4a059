/** Hints after wrong use of the command line: what is missing and how to find it, and our word for another tool's. */
import { Command, type ErrorOptions } from "commander";
import { ListedArgument, listOf } from "./listed.ts";
import { ourCommand } from "./other-commands.ts";
import { useMend } from "./output.ts";

/** Other tools' words for things that `logs` calls differently: Heroku's, then docker's, kubectl's, journalctl's, grep's. */
export const otherWords: Readonly<Record<string, string>> = {
  "--ps": "--dyno",
  "--dyno-name": "--dyno",
  "--process-type": "--dyno",
  "-p": "--dyno",
  "-r": "--app",
  "--remote": "--app",
  "--force-colors": "FORCE_COLOR=1",
  "--color": "FORCE_COLOR=1",
  "--container": "--dyno",
  "-c": "--dyno",
  "-u": "--dyno",
  "--unit": "--dyno",
  "--include": "--match",
  "--grep": "--match",
  "-g": "--match",
  "-e": "--match",
  "--regexp": "--match",
  "--filter": "--match",
  "-i": "(?i) before a pattern",
  "--ignore-case": "(?i) before a pattern",
  "-v": "--exclude",
  "--invert-match": "--exclude",
  "--lines": "--num",
  "--limit": "--num",
  "--priority": "--level",
  "--severity": "--level",
  "--output": "--json",
  "-o": "--json",
  "--timestamps": "--time",
  "--utc": "--time utc",
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
  return code === "commander.unknownOption" ? unknown(command, named.replace(/'.*$/, "")) : undefined;
}

function unknown(command: Command, option: string): string | undefined {
  const flag = option.replace(/=.*$/, "");
  if (flag === "-a" || flag === "--app") return appWithout(command, flag);
  if (command.name() !== "logs") return undefined;
  if (Object.hasOwn(otherWords, flag)) return `${flag} is ${otherWords[flag]} here.`;
  return linesHint(/^--(?:tail|follow)=(\d+)$/.exec(option)?.[1]);
}

/** For a number that was given where docker, kubectl and `head` take it. */
const linesHint = (lines: string | undefined): string | undefined =>
  lines && `How many lines is said by -n: write -n ${lines}.`;

function appWithout(command: Command, flag: string): string {
  const [argument] = command.registeredArguments;
  return command.name().startsWith("apps:") && argument !== undefined
    ? `The app is named without ${flag}: tailrace ${command.name()} ${argument.name().toUpperCase()}.`
    : `This is not about one app: leave ${flag} out.`;
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

/** A surplus word is the second half of a command's name, a number of lines, the app, or what to search for. */
function excess(command: Command, isAppMissing: boolean): string | undefined {
  const [word = ""] = command.args.slice(command.registeredArguments.length);
  const whole = `${command.name()}:${word}`;
  const names = command.parent?.commands.map((other) => other.name()) ?? [];
  const ours = names.includes(whole) ? whole : ourCommand(whole, names);
  if (ours !== undefined && !command.name().includes(":")) return `Write "tailrace ${ours}".`;
  if (command.name() === "logs" && /^-?\d+$/.test(word)) return linesHint(word.replace("-", ""));
  const optionOf = (name: string) => command.options.find(({ long }) => long === name);
  const [app, match] = [optionOf("--app"), optionOf("--match")];
  const hints = [
    isAppMissing && app && `An app is named by ${app.short ?? app.long}.`,
    match && `A pattern to look for is given by ${match.long}.`,
  ];
  return hints.filter(Boolean).join(" ") || undefined;
}
