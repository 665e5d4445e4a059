import type { Command } from "commander";
import { appOption, requiredApp } from "../app-names.ts";
import { type Context, jsonOption } from "../context.ts";
import { CliError, wrongUse } from "../errors.ts";
import { ListedArgument } from "../listed.ts";
import { noteWhenIdle } from "../runner-words.ts";

type Options = { app?: string; json?: true };

/** `config`, `config:get`, `config:set`, `config:unset`: variables in the environment of an app's dynos. */
export function registerConfig(program: Command, { api, output }: Context): void {
  program
    .command("config")
    .description("list the config vars of an app, with their values")
    .addOption(appOption())
    .addOption(jsonOption())
    .action(async ({ app: name, json }: Options) => {
      const app = requiredApp(name);
      const vars = await api().configVars(app);
      if (json) return output.json(vars);
      if (Object.keys(vars).length === 0) return output.note(`${app} has no config vars.`);
      await output.table(["NAME", "VALUE"], Object.entries(vars));
    });

  program
    .command("config:get")
    .description("print the value of a config var")
    .addArgument(new ListedArgument("config var", "<name>", "as GREETING"))
    .addOption(appOption())
    .action(async (wanted: string, { app: name }: Options) => {
      const app = requiredApp(name);
      const value = (await api().configVars(app))[wanted];
      if (value === undefined) throw unknownVar(app, wanted);
      await output.write(`${value}\n`);
    });

  program
    .command("config:set")
    .description("set config vars; the app's dynos are restarted with them")
    .argument("<name=value...>", "as GREETING=hello; several may be set at once")
    .addOption(appOption())
    .action(async (words: string[], { app: name }: Options) => {
      const app = requiredApp(name);
      const changes = Object.fromEntries(words.map(assignment));
      await api().configure(app, changes);
      await output.print(`Set ${Object.keys(changes).join(", ")} of ${app}${await releaseWords(app)}`);
      await noteWhenIdle({ api, output }, app);
    });

  program
    .command("config:unset")
    .description("remove config vars; the app's dynos are restarted without them")
    .addArgument(new ListedArgument("config var", "<name...>", "as GREETING; several may go at once"))
    .addOption(appOption())
    .action(async (names: string[], { app: name }: Options) => {
      const app = requiredApp(name);
      const vars = await api().configVars(app);
      for (const one of names) if (!Object.hasOwn(vars, one)) throw unknownVar(app, one);
      await api().configure(app, Object.fromEntries(names.map((one) => [one, null])));
      await output.print(`Removed ${names.join(", ")} of ${app}${await releaseWords(app)}`);
      await noteWhenIdle({ api, output }, app);
    });

  const releaseWords = async (app: string): Promise<string> => {
    const newest = (await api().releases(app)).at(-1);
    return newest === undefined ? "" : ` (v${newest.version})`;
  };
}

const unknownVar = (app: string, name: string) =>
  new CliError(`${app} has no config var "${name}".`, `"tailrace config -a ${app}" lists them.`);

function assignment(word: string): [string, string] {
  const at = word.indexOf("=");
  if (at > 0) return [word.slice(0, at), word.slice(at + 1)];
  throw wrongUse(`"${word}" sets nothing.`, "Write NAME=VALUE; config:unset takes a var away.");
}
