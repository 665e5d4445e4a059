#!/usr/bin/env node
/** The command line: every command but `serve` speaks HTTP to a server. */
import { readFileSync } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import { Command } from "commander";
import { Api } from "./api.ts";
import { registerCommands } from "./commands/all.ts";
import type { Context } from "./context.ts";
import { explain, Output } from "./output.ts";
import { readingCommandLike, readingCommands } from "./unknown-command.ts";

process.on("SIGUSR1", () => {}); // Node would open a port for a debugger

const output = new Output(process.stdout, process.stderr, process.env);
const program = new Command("tailrace");
program
  .description("One ordered, durable log for every app, with tails and drains.")
  .version(packageVersion())
  .enablePositionalOptions()
  .exitOverride()
  .showHelpAfterError("Add --help to see how the command is used.")
  .showSuggestionAfterError(false)
  .configureOutput({
    writeErr: (text) => output.writeError(text),
    outputError: (text, write) => write(text.replace(/^error: /, "tailrace: ")),
  })
  .on("command:*", ([name]: string[]) => {
    const like = readingCommandLike(name!);
    const hint = like === undefined ? "" : `\nDid you mean "tailrace ${like}"?`;
    program.error(`error: unknown command '${name}'${hint}`, { exitCode: 2 });
  })
  .addHelpText(
    "after",
    `
Environment:
  TAILRACE_URL      where the server is (default: http://127.0.0.1:8601)
  TAILRACE_API_KEY  the key; for a server on this machine the file DATA/api-key will do
  TAILRACE_APP      the app, when -a is not given
  TAILRACE_DATA     the folder DATA of a server on this machine (default: ./data)

Start here:
  tailrace serve --dev                          a server on this machine
  tailrace apps:create shop                     an app
  tailrace run -a shop -- npm start             a program whose output is logged
  tailrace logs -a shop --tail                  its log, live

Exit status: 0 done, 1 failed, 2 wrong use; "run" has the status of its command.`,
  );

let api: Api | undefined;
const context: Context = {
  api: () => (api ??= new Api(process.env)),
  output,
  variables: process.env,
};

await registerCommands(program, context, process.argv[2]);
// A hint at an option may change what a command does: only those that change nothing give one.
for (const command of program.commands)
  command.showSuggestionAfterError(readingCommands.some((name) => name === command.name()));

try {
  await program.parseAsync();
  api?.close();
} catch (error) {
  const { text, exitStatus } = explain(error);
  if (text !== "") output.note(text);
  await nextTurn(); // help that could not be written is told, too
  process.exit(exitStatus);
}

/** The version in package.json, which lies one folder above the sources and two above the built files. */
function packageVersion(): string {
  for (const place of ["../package.json", "../../package.json"])
    try {
      return JSON.parse(readFileSync(new URL(place, import.meta.url), "utf8")).version;
    } catch {}
  return "unknown";
}
