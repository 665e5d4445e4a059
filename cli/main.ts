#!/usr/bin/env node
/** The command line: every command but `serve` speaks HTTP to a server. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { Api } from "./api/api.ts";
import { registerCommands } from "./commands/all.ts";
import type { Context } from "./context.ts";
import { explain, explainAsJson, Output } from "./output.ts";
import { hintAtOptions, newProgram } from "./program.ts";
import { startSuited } from "./server-process.ts";

process.on("SIGUSR1", () => {}); // Node would open a port for a debugger
if (process.argv[2] === "serve") startSuited(process);

const output = new Output(process.stdout, process.stderr, process.env);
const [first = "", ...others] = process.argv.slice(2);
const words = [first === "-V" ? "-v" : first, ...others].filter((word, at) => at > 0 || word !== "");
/** Programs read failures as JSON, too. Words after `--` belong to another program. */
const wantsJson = words.slice(0, [...words, "--"].indexOf("--")).includes("--json");
const program = newProgram(output, wantsJson);

let api: Api | undefined;
const context: Context = {
  api: () => (api ??= new Api(process.env)),
  output,
  variables: process.env,
};

await registerCommands(program, context, first);
hintAtOptions(program);

try {
  await program.parseAsync(words, { from: "user" });
  api?.close();
} catch (error) {
  const { text, exitStatus } = wantsJson ? explainAsJson(error) : explain(error);
  if (text !== "") output.note(...text.split("\n"));
  await nextTurn(); // help that could not be written is reported, too
  process.exit(exitStatus);
}
