import type { Command } from "commander";
import { appOption, requiredApp } from "../app-names.ts";
import { type Context, jsonOption } from "../context.ts";
import { wrongUse } from "../errors.ts";
import { ListedArgument } from "../listed.ts";
import { noteWhenIdle } from "../runner-words.ts";
import { scalesIn } from "../scale-words.ts";

type Options = { app?: string; json?: true };

/** `ps`, `scale`, `restart`, `stop`: the dynos that `up` runs. */
export function registerPs(program: Command, { api, output }: Context): void {
  program
    .command("ps")
    .description("list the dynos of an app that runs")
    .addOption(appOption())
    .addOption(jsonOption())
    .action(async ({ app: name, json }: Options) => {
      const app = requiredApp(name);
      const dynos = await api().dynos(app);
      if (json) return output.json(dynos);
      if (dynos.length === 0)
        return output.note(
          `No dyno of ${app} runs under "tailrace up -a ${app}", which runs those of a Procfile. What "tailrace run" runs is not listed.`,
        );
      await output.table(
        ["DYNO", "STATE", "SINCE", "SIZE", "RELEASE", "COMMAND"],
        dynos.map(({ name: dyno, state, updated_at, size, release, command }) => [
          dyno,
          state,
          updated_at,
          size,
          `v${release.version}`,
          command,
        ]),
      );
    });

  program
    .command("scale")
    .description("change how many dynos of a process type run; without arguments, show it")
    .argument("[dynos...]", "as web=3, worker+1 or web=2:Standard-2X")
    .addOption(appOption())
    .addOption(jsonOption())
    .action(async (words: string[], { app: name, json }: Options) => {
      const app = requiredApp(name);
      const formation =
        words.length === 0 ? await api().formation(app) : await api().scale(app, scalesOf(words));
      if (json) return output.json(formation);
      if (formation.length === 0)
        return output.note(`${app} has no process types yet: "tailrace up -a ${app}" brings a Procfile's.`);
      await output.print(
        formation.map(({ type, quantity, size }) => `${type}=${quantity}:${size}`).join(" "),
      );
      if (words.length > 0) await noteWhenIdle({ api, output }, app);
    });

  program
    .command("restart")
    .description("restart a dyno, those of a process type, or all")
    .argument("[dyno]", "as web.1, or web")
    .addOption(appOption())
    .action(async (target: string | undefined, { app: name }: Options) => {
      const app = requiredApp(name);
      await api().restart(app, target);
      await output.print(`Restarting ${target ?? "all dynos"} of ${app}`);
    });

  program
    .command("stop")
    .description("stop a dyno, or those of a process type, until it is restarted")
    .addArgument(new ListedArgument("dyno", "<dyno>", "as web.1, or web"))
    .addOption(appOption())
    .action(async (target: string, { app: name }: Options) => {
      const app = requiredApp(name);
      // This is additional: what is wanted changes whether one runs or not.
      const dynos = await api()
        .dynos(app)
        .catch(() => undefined);
      await api().stop(app, target);
      if (dynos?.every((dyno) => ![dyno.name, dyno.type].includes(target)))
        return output.note(`No dyno ${target} of ${app} runs.`);
      await output.print(`Stopping ${target} of ${app}`);
    });
}

function scalesOf(words: readonly string[]) {
  try {
    return scalesIn(words);
  } catch (error) {
    throw wrongUse((error as Error).message, '"tailrace scale -a APP" tells the numbers that there are.');
  }
}
