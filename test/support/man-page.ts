/** docs/man/tailrace.1, from the tree of commands that the program itself reads its words by. */
import { Writable } from "node:stream";
import type { Command } from "commander";
import { registerCommands } from "../../cli/commands/all.ts";
import { Output } from "../../cli/output.ts";
import { newProgram } from "../../cli/program.ts";

/** The whole program, which prints nothing and reaches no server. */
export async function wholeProgram(asJson = false): Promise<Command> {
  const nowhere = new Writable({
    write: (_chunk, _encoding, done) => done(),
  }) as unknown as NodeJS.WriteStream & {
    readonly fd: number;
  };
  const output = new Output(nowhere, nowhere, {});
  const program = newProgram(output, asJson);
  const api = () => {
    throw new Error("no server is asked for");
  };
  await registerCommands(program, { api, output, variables: {} });
  return program;
}

export async function manPage(): Promise<string> {
  const program = await wholeProgram();
  const help = program.createHelp();
  const commands = help.visibleCommands(program).filter((command) => command.name() !== "help");
  return [
    `.TH TAILRACE 1 "" "tailrace" "User Commands"`,
    ".SH NAME",
    `tailrace \\- ${roff(program.description())}`,
    ".SH SYNOPSIS",
    ".B tailrace",
    ".I command",
    "[options]",
    ".SH COMMANDS",
    ...commands.flatMap((command) => commandLines(command)),
    ".SH NOTES",
    ...afterHelp(program),
    "",
  ].join("\n");
}

function commandLines(command: Command): string[] {
  const help = command.createHelp();
  const argumentsOf = command.registeredArguments.filter(({ description }) => description !== "");
  return [
    `.SS tailrace ${roff(`${command.name()} ${command.usage()}`)}`,
    `${roff(sentence(command.description()))}`,
    ...argumentsOf.flatMap((argument) => term(argument.name(), help.argumentDescription(argument))),
    ...help
      .visibleOptions(command)
      .filter(({ long }) => long !== "--help")
      .flatMap((option) => term(option.flags, help.optionDescription(option))),
    ...afterHelp(command),
  ];
}

const term = (name: string, about: string): string[] => [".TP", `.B ${roff(name)}`, roff(about)];

/** The text that help has after everything else. */
function afterHelp(command: Command): string[] {
  let shown = "";
  command.configureOutput({ writeOut: (text) => (shown += text) });
  command.outputHelp();
  const text = shown.slice(command.helpInformation().length).trim();
  return text === "" ? [] : [".PP", ".nf", ...text.split("\n").map(roff), ".fi"];
}

const sentence = (text: string): string => `${text[0]!.toUpperCase()}${text.slice(1)}.`;

/** Text that roff prints unchanged. */
function roff(text: string): string {
  const escaped = text
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replace(
      /[^\p{ASCII}]/gu,
      (char) => `\\[u${char.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}]`,
    );
  return /^[.']/.test(escaped) ? `\\&${escaped}` : escaped;
}
