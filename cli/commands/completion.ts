import { Argument, type Command } from "commander";
import { type Candidate, candidatesFor, type KnownNames } from "../completion.ts";
import { completionScripts, type Shell, shells } from "../completion-scripts.ts";
import type { Context } from "../context.ts";
import { processesOf } from "../logs/processes.ts";

/** `completion`, and `__complete`, which its scripts call. */
export function registerCompletion(program: Command, { api, output, variables }: Context): void {
  program
    .command("completion")
    .description("print a script that completes commands, options and names in a shell")
    .addArgument(new Argument("<shell>", "your shell").choices(shells))
    .addHelpText(
      "after",
      `
Put one of these into your shell's start-up file:
  bash  source <(tailrace completion bash)
  zsh   source <(tailrace completion zsh)
  fish  tailrace completion fish | source`,
    )
    .action((shell: Shell) => output.write(completionScripts[shell]));

  program
    .command("__complete", { hidden: true })
    .argument("<shell>")
    .argument("[words...]")
    .passThroughOptions()
    .allowUnknownOption()
    .helpOption(false)
    .action(async (shell: string, words: string[]) => {
      const known = knownNames(api, variables.TAILRACE_APP);
      if (shell === "bash") return output.print(...(await forBash(program, words, known)));
      const found = await candidatesFor(program, words, known);
      const write = shell === "zsh" ? zshLine : fishLine;
      await output.print(...found.map(write));
    });
}

/** A key without the right, and a server that cannot be reached, know no names. */
function knownNames(api: Context["api"], appByDefault: string | undefined): KnownNames {
  const orNone = (names: Promise<readonly string[]>) => names.catch((): readonly string[] => []);
  return {
    apps: () => orNone((async () => (await api().apps()).map(({ name }) => name))()),
    drains: (app) =>
      orNone((async () => (await api().drains(app || appByDefault || "")).map(({ token }) => token))()),
    processes: (app) => orNone((async () => (await processesOf(api(), app || appByDefault || "")).names)()),
  };
}

const fishLine = ({ text, about }: Candidate): string => (about === "" ? text : `${text}\t${about}`);
/** A colon ends the text, unless it is escaped. */
const zshLine = ({ text, about }: Candidate): string =>
  `${text.replaceAll("\\", "\\\\").replaceAll(":", "\\:")}${about === "" ? "" : `:${about}`}`;

// Bash passes its whole line, and wants only the part of a word after its last break.
async function forBash(
  program: Command,
  [breaks = "", line = ""]: string[],
  known: KnownNames,
): Promise<readonly string[]> {
  const words = wordsOf(line).slice(1);
  const begun = words.at(-1) ?? "";
  const standing = Math.max(
    ...[":", "="].map((char) => (breaks.includes(char) ? begun.lastIndexOf(char) + 1 : 0)),
  );
  const found = await candidatesFor(program, words, known);
  return found.map(({ text }) => text.slice(standing));
}

/** The words of a line as a shell splits them, ignoring quotes and backslashes: names have none. */
const wordsOf = (line: string): string[] => line.trimStart().split(/\s+/);
