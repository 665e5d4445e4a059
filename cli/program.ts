/** The program: its name, its help, and how it reports wrong use. */
import { readFileSync } from "node:fs";
import type { Command } from "commander";
import type { Output } from "./output.ts";
import { hintAtCommand, readingCommands } from "./unknown-command.ts";
import { HintingCommand } from "./use-hints.ts";

/** The program without its commands. With `asJson`, the caller reports failures. */
export function newProgram(output: Output, asJson = false): Command {
  const program = new HintingCommand("tailrace");
  program
    .description("One ordered, durable log for every app, with tails and drains.")
    .version(packageVersion(), "-v, --version", "print the version")
    .enablePositionalOptions()
    .exitOverride()
    .showSuggestionAfterError(false)
    .configureOutput({
      writeErr: (text) => {
        if (!asJson) output.writeError(text);
      },
      outputError: (text, write) => write(text.replace(/^error: /, "tailrace: ")),
    })
    .on("command:*", ([name]: string[]) => {
      const hint = hintAtCommand(
        name!,
        program.commands.map((command) => command.name()),
      );
      program.error(`error: unknown command '${name}'${hint ? `\n${hint}` : ""}`, { exitCode: 2 });
    })
    .addHelpText(
      "after",
      `
Environment:
  TAILRACE_URL      where the server is (default: http://127.0.0.1:8601)
  TAILRACE_API_KEY  the key; for a server on this machine the file DATA/api-key will do
  TAILRACE_APP      the app, when -a is not given
  TAILRACE_DATA     the folder DATA of a server on this machine (default: data, here or above)

Start here:
  tailrace serve --dev                          a server on this machine
  tailrace apps:create shop                     an app
  tailrace run -a shop -- npm start             a program whose output is logged
  tailrace logs -a shop --tail                  its log, live

Exit status: 0 done, 1 failed, 2 wrong use; "run" has the status of its command.`,
    );
  return program;
}

/**
 * An option that a hint suggests may change what a command does, so only commands that change nothing give such hints.
 */
export function hintAtOptions(program: Command): void {
  for (const command of program.commands)
    command.showSuggestionAfterError(readingCommands.some((name) => name === command.name()));
}

/** The version in package.json, which is one folder above the sources and two above the built files. */
function packageVersion(): string {
  for (const place of ["../package.json", "../../package.json"])
    try {
      return JSON.parse(readFileSync(new URL(place, import.meta.url), "utf8")).version;
    } catch {}
  return "unknown";
}
