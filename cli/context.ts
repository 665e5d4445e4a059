/** What every command is given. */
import { Option } from "commander";
import type { Api } from "./api.ts";
import type { Variables } from "./environment.ts";
import { wrongUse } from "./errors.ts";
import type { Output } from "./output.ts";

export type Context = {
  /** The client, made at the first use: a wrong TAILRACE_URL troubles only the commands that need it. */
  readonly api: () => Api;
  readonly output: Output;
  readonly variables: Variables;
};

/** `-a, --app` or TAILRACE_APP. */
export const appOption = (help = "the app, by name or id"): Option =>
  new Option("-a, --app <app>", help).env("TAILRACE_APP");

/** The app of a command that cannot do without. */
export function requiredApp(app: string | undefined): string {
  if (app) return app;
  throw wrongUse("No app is named.", 'Add "-a APP", or set TAILRACE_APP; "tailrace apps" lists the apps.');
}

/** Collects an option that may be given several times. */
export const collect = (value: string, before: readonly string[] | undefined): readonly string[] => [
  ...(before ?? []),
  value,
];

/** `--json`, for programs. */
export const jsonOption = (): Option => new Option("--json", "print JSON for programs");
