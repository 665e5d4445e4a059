import type { Command } from "commander";
import { appOption, requiredApp } from "../app-names.ts";
import { registerList } from "../app-rows.ts";
import { type Context, collect, jsonOption } from "../context.ts";
import { wrongUse } from "../errors.ts";
import { ListedArgument } from "../listed.ts";

type Options = { readonly app?: string; readonly json?: true };
type Addon = {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  readonly app: { readonly name: string };
  readonly plan: { readonly name: string };
  readonly config_vars: readonly string[];
  readonly provision_message: string | null;
  readonly web_url: string | null;
  readonly created_at: string;
};
type Named = { readonly name: string; readonly human_name: string };

/** `addons`, `addons:create`, `addons:info`, `addons:plans`, `addons:services`, `addons:upgrade`, `addons:destroy`. */
export function registerAddons(program: Command, context: Context): void {
  const { api, output } = context;
  registerList<Addon>(program, context, {
    name: "addons",
    description: "list the add-ons of all apps, or of some",
    rowsOf: (app) => api().call("GET", `/apps/${encodeURIComponent(app)}/addons`),
    heads: ["NAME", "PLAN", "STATE", "CONFIG VARS"],
    cells: ({ name, plan, state, config_vars: vars }) => [name, plan.name, state, vars.join(", ") || "-"],
    none: (app) => `${app} has no add-ons. "tailrace addons:create SERVICE -a ${app}" makes one.`,
  });

  program
    .command("addons:create")
    .description("create an add-on at its provider, with its drain and its config vars")
    .addArgument(
      new ListedArgument(
        "service",
        "<plan>",
        "service:plan as papertrail:choklad, or papertrail for its default plan",
      ),
    )
    .option("--name <name>", "its name (else one is generated)")
    .option("--config <name=value>", "an option for the provider (may be repeated)", collect)
    .addOption(appOption())
    .addOption(jsonOption())
    .action(async (plan: string, options: Options & { name?: string; config?: readonly string[] }) => {
      const app = requiredApp(options.app);
      const config = Object.fromEntries((options.config ?? []).map(assignment));
      const body = { plan: { name: plan }, config, ...(options.name && { name: options.name }) };
      const addon = await api().call<Addon>("POST", `/apps/${encodeURIComponent(app)}/addons`, body);
      if (options.json) return output.json(addon);
      await output.print(`Created ${addon.name} (${addon.plan.name}) for ${app}${varsOf(addon)}`);
      if (addon.state === "provisioning")
        output.note("Its provider has 12 hours to make it ready; the app's log says when it is.");
      if (addon.provision_message) output.note(addon.provision_message);
    });

  program
    .command("addons:info")
    .description("show an add-on")
    .addArgument(new ListedArgument("addon", "<addon>", "its name or id, or with -a its service"))
    .addOption(appOption("the app that has it (else all apps are searched)"))
    .addOption(jsonOption())
    .action(async (wanted: string, { app, json }: Options) => {
      const addon = await find(wanted, app);
      if (json) return output.json(addon);
      const facts = [
        ["name", addon.name],
        ["app", addon.app.name],
        ["plan", addon.plan.name],
        ["state", addon.state],
        ["config vars", addon.config_vars.join(", ") || "-"],
        ["created", addon.created_at],
        ...(addon.web_url ? [["dashboard", addon.web_url]] : []),
        ...(addon.provision_message ? [["message", addon.provision_message]] : []),
      ] as [string, string][];
      await output.print(...facts.map(([name, value]) => `${name.padEnd(11)}  ${value}`));
    });

  program
    .command("addons:services")
    .description("list the services for which the operator has a manifest")
    .addOption(jsonOption())
    .action(async ({ json }: Options) => {
      const services = await api().call<Named[]>("GET", "/addon-services");
      if (json) return output.json(services);
      if (services.length === 0)
        return output.note('There are none: "tailrace serve --addons FOLDER" reads their manifests.');
      await output.table(
        ["SERVICE", "NAME"],
        services.map(({ name, human_name: human }) => [name, human]),
      );
    });

  program
    .command("addons:plans")
    .description("list the plans of a service that are known here; its provider may have others")
    .addArgument(new ListedArgument("service", "<service>", "its name"))
    .addOption(jsonOption())
    .action(async (service: string, { json }: Options) => {
      const at = `/addon-services/${encodeURIComponent(service)}/plans`;
      const plans = await api().call<Named[]>("GET", at);
      if (json) return output.json(plans);
      await output.print(...plans.map(({ name }) => name));
      output.note("Any other plan of the provider can be named, too: it says which it has.");
    });

  program
    .command("addons:upgrade")
    .description("change the plan of an add-on at its provider, to a larger or a smaller one")
    .addArgument(new ListedArgument("addon", "<addon>", "its name or id, or with -a its service"))
    .argument("<plan>", "service:plan as papertrail:fixa, or the plan alone")
    .addOption(appOption("the app that has it (else all apps are searched)"))
    .addOption(jsonOption())
    .action(async (wanted: string, plan: string, { app, json }: Options) => {
      const { id, name, app: owner } = await find(wanted, app);
      const at = `/apps/${encodeURIComponent(owner.name)}/addons/${id}`;
      const addon = await api().call<Addon>("PATCH", at, { plan: { name: plan } });
      if (json) return output.json(addon);
      await output.print(`Changed ${name} of ${owner.name} to ${addon.plan.name}`);
      if (addon.provision_message) output.note(addon.provision_message);
    });

  program
    .command("addons:destroy")
    .description("destroy an add-on at its provider, with its drain and its config vars, for good")
    .addArgument(new ListedArgument("addon", "<addon>", "its name or id, or with -a its service"))
    .option("--confirm <app>", "the name of the app, to say that you mean it")
    .option("--force", "even if its provider does not answer or refuses")
    .addOption(appOption("the app that has it (else all apps are searched)"))
    .addOption(jsonOption())
    .action(async (wanted: string, options: Options & { confirm?: string; force?: true }) => {
      const addon = await find(wanted, options.app);
      const app = addon.app.name;
      if (options.confirm !== app)
        throw wrongUse(
          `This destroys ${addon.name} of ${app} for good.`,
          `Say that you mean it: tailrace addons:destroy ${addon.name} --confirm ${app}`,
        );
      const at = `/apps/${encodeURIComponent(app)}/addons/${addon.id}`;
      const gone = await api().call<Addon>("DELETE", at, { force: options.force === true });
      await (options.json ? output.json(gone) : output.print(`Destroyed ${addon.name} of ${app}`));
    });

  const find = async (addon: string, app: string | undefined): Promise<Addon> => {
    const [found] = await api().call<Addon[]>("POST", "/actions/addons/resolve", {
      addon,
      ...(app && { app }),
    });
    return found!;
  };
}

const varsOf = ({ config_vars: vars }: Addon): string =>
  vars.length === 0 ? "" : ` with ${vars.join(", ")}`;

function assignment(word: string): [string, string] {
  const at = word.indexOf("=");
  if (at > 0) return [word.slice(0, at), word.slice(at + 1)];
  throw wrongUse(`"${word}" is no option.`, "Write NAME=VALUE.");
}
