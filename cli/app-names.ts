/** Options that name the apps of a command. */
import { Option } from "commander";
import type { Api } from "./api/api.ts";
import { collect, single } from "./context.ts";
import { CliError, wrongUse } from "./errors.ts";

/** `-a, --app` or TAILRACE_APP. */
export const appOption = (help = "the app, by name or id"): Option =>
  new Option("-a, --app <app>", help).env("TAILRACE_APP").argParser(single);

/** The same for a command that accepts several apps. */
export const appsOption = (): Option =>
  appOption("the app, or a pattern like 'shop-*' (may be repeated)").argParser(collect);

/** The app of a command that needs one. */
export function requiredApp(app: string | undefined): string {
  if (!app) throw noApp();
  if (!isPattern(app)) return app;
  throw wrongUse(
    `"${app}" is a pattern, and this command is about one app.`,
    'Name the app; "tailrace apps" lists the apps.',
  );
}

/**
 * The apps that the names and patterns mean, without repetitions. A plain name is not looked up. With `mayCome`, a
 * pattern may have no app yet.
 */
export async function requiredApps(
  api: Api,
  names: readonly string[] = [],
  mayCome = false,
): Promise<readonly string[]> {
  if (names.length === 0) throw noApp();
  const all = names.some(isPattern) ? (await api.apps()).map((app) => app.name) : [];
  const found = names.flatMap((name) => {
    if (!isPattern(name)) return [name];
    const matching = all.filter((app) => globForm(name).test(app));
    if (matching.length > 0 || mayCome) return matching;
    throw new CliError(`No app matches "${name}".`, '"tailrace apps" lists the apps that this key may see.');
  });
  return [...new Set(found)];
}

const noApp = () =>
  wrongUse("No app is named.", 'Add "-a APP", or set TAILRACE_APP; "tailrace apps" lists the apps.');

export const isPattern = (name: string): boolean => /[*?]/.test(name);

/** The apps that match any of the patterns. */
export const appsMatching = (
  patterns: readonly string[],
  apps: readonly { readonly name: string }[],
): readonly string[] =>
  apps.map(({ name }) => name).filter((name) => patterns.some((pattern) => globForm(pattern).test(name)));

function globForm(pattern: string): RegExp {
  const parts = [...pattern].map((char) =>
    char === "*" ? ".*" : char === "?" ? "." : char.replace(/\W/, "\\$&"),
  );
  return new RegExp(`^${parts.join("")}$`, "s");
}
