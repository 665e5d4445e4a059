import { type Command, Option } from "commander";
import { requiredApp } from "../app-names.ts";
import { type Context, jsonOption } from "../context.ts";
import { wrongUse } from "../errors.ts";
import { ListedArgument } from "../listed.ts";

type CreateOptions = { readonly json?: true; readonly generation?: string };

/** `apps`, `apps:create`, `apps:destroy`. */
export function registerApps(program: Command, { api, output }: Context): void {
  program
    .command("apps")
    .description("list the apps")
    .addOption(jsonOption())
    .action(async ({ json }: { json?: true }) => {
      const apps = await api().apps();
      if (json) return output.json(apps);
      if (apps.length === 0)
        return output.note('There are no apps yet. "tailrace apps:create NAME" makes one.');
      await output.print(...apps.map(({ name }) => name));
    });

  program
    .command("apps:create")
    .description("create an app; without a name, one is generated")
    .argument("[name]", "1 to 63 of a-z, 0-9 and -, starting with a letter")
    .addOption(
      new Option(
        "--generation <name>",
        "what Heroku's tools take it for: fir reads logs and telemetry drains",
      ).choices(["cedar", "fir"]),
    )
    .addOption(jsonOption())
    .action(async (name: string | undefined, { json, generation }: CreateOptions) => {
      const app = await api().createApp(name, generation);
      if (json) return output.json(app);
      await output.print(`Created app ${app.name}`);
      output.note(
        "",
        `Log a command's output:     tailrace run -a ${app.name} -- echo hello`,
        `Log what a program writes:  some-program | tailrace ship -a ${app.name}`,
        `Follow the app's log:       tailrace logs -a ${app.name} --tail`,
      );
    });

  program
    .command("apps:destroy")
    .description("destroy an app with its log, tokens and drains, for good")
    .addArgument(new ListedArgument("app", "<name>", "the app, by name or id"))
    .option("--confirm <name>", "the same name again, to say that you mean it")
    .addOption(jsonOption())
    .action(async (name: string, { confirm, json }: { confirm?: string; json?: true }) => {
      requiredApp(name);
      if (confirm !== name) {
        await api().app(name); // a name that does not exist is told as such, before it is asked for again
        throw wrongUse(
          confirm === undefined
            ? `This destroys ${name} and its log for good.`
            : `--confirm says "${confirm}", but the app is "${name}".`,
          `Say that you mean it: tailrace apps:destroy ${name} --confirm ${name}`,
        );
      }
      const app = await api().destroyApp(name);
      await (json ? output.json(app) : output.print(`Destroyed app ${app.name}`));
    });
}
