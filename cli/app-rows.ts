/** Lists of things that belong to apps. */
import type { Command } from "commander";
import { appsOption, requiredApps } from "./app-names.ts";
import { type Context, jsonOption } from "./context.ts";

/** How to find and show the rows of an app. */
type RowKind<Row extends object> = {
  readonly rowsOf: (app: string) => Promise<readonly Row[]>;
  readonly heads: readonly string[];
  readonly cells: (row: Row) => readonly string[];
  /** Heads of columns that are left out when they are empty. */
  readonly rare?: readonly string[];
  /** A remark on a row, below the table. */
  readonly note?: (row: Row) => string | undefined;
  /** The text for an app that has none. */
  readonly none: (app: string) => string;
};

/** Prints the rows of all apps that `names` means. If there may be several, each row names its app. */
export async function printRows<Row extends object>(
  { api, output }: Context,
  { app: names = [], json }: { app?: readonly string[]; json?: true },
  { rowsOf, heads, cells, rare = [], note, none }: RowKind<Row>,
): Promise<void> {
  const apps = await requiredApps(api(), names);
  const areSeveral = apps.length > 1 || names.some((name) => !apps.includes(name));
  const all: { app: string; row: Row }[] = [];
  for (const app of apps) for (const row of await rowsOf(app)) all.push({ app, row });
  if (json) return output.json(all.map(({ app, row }) => (areSeveral ? { app, ...row } : row)));
  if (all.length === 0) return output.note(...apps.map(none));
  const rows = all.map(({ app, row }) => (areSeveral ? [app, ...cells(row)] : cells(row)));
  const columns = areSeveral ? ["APP", ...heads] : heads;
  const isShown = (_: string, at: number) =>
    !rare.includes(columns[at]!) || rows.some((row) => row[at] !== "");
  await output.table(
    columns.filter(isShown),
    rows.map((row) => row.filter(isShown)),
  );
  output.note(...all.flatMap(({ row }) => note?.(row) ?? []));
}

/** Registers a command that lists what apps have: for all apps if none is named. */
export function registerList<Row extends object>(
  program: Command,
  context: Context,
  { name, description, ...kind }: RowKind<Row> & { readonly name: string; readonly description: string },
): void {
  program
    .command(name)
    .description(description)
    .addOption(appsOption())
    .addOption(jsonOption())
    .action((options: { app?: string[]; json?: true }) =>
      printRows(context, { ...options, app: options.app ?? ["*"] }, kind),
    );
}
