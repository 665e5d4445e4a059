import { type Command, InvalidArgumentError } from "commander";
import type { Api, SessionBody } from "../api.ts";
import { colourLine, colourName } from "../colour.ts";
import { appOption, type Context, collect } from "../context.ts";
import { CliError, wrongUse } from "../errors.ts";
import { type FollowOptions, follow } from "../follow.ts";
import { type AppLine, interleave } from "../interleave.ts";

type Options = {
  app?: string | string[];
  num?: number;
  tail?: true;
  source?: string;
  dyno?: string;
  since?: string;
  match?: string;
  exclude?: string;
  json?: true;
  raw?: true;
  color: boolean;
};

const linesDefault = 100;

/** `logs`. */
export function registerLogs(program: Command, context: Context): void {
  program
    .command("logs")
    .description("show an app's log, and follow it")
    .addOption(appOption("the app, or a pattern like 'shop-*' (may be repeated)").argParser(collect))
    .option(
      "-n, --num <lines>",
      `so many lines of history (default: ${linesDefault}, or all --since)`,
      lineCount,
    )
    .option("-t, --tail", "go on with the lines that come; reconnects by itself")
    .option("-s, --source <source>", "only this source: app, heroku, …")
    .option("-d, --dyno <dyno>", "only this process (web.1) or type (web)")
    .option("--since <time>", "only lines since then: 10m, or an RFC 3339 time")
    .option("--match <re>", "only lines whose text matches (RE2)")
    .option("--exclude <re>", "not the lines whose text matches (RE2)")
    .option("--json", "one JSON object a line: position, time, source, dyno, severity, message")
    .option("--raw", "the lines as they are stored")
    .option("--no-color", "no colours on a terminal")
    .addHelpText(
      "after",
      `
Examples:
  tailrace logs -a shop -n 20                   the newest 20 lines
  tailrace logs -a shop --tail --dyno web       history, then live, of the web processes
  tailrace logs -a 'shop-*' --since 1h --match 'status=5..'
  tailrace logs -a shop --json | jq .message`,
    )
    .action((options: Options) => showLogs(context, options));
}

async function showLogs({ api, output }: Context, options: Options): Promise<void> {
  if (options.json && options.raw)
    throw wrongUse("--json and --raw exclude each other.", "Give one of them.");
  const apps = await findApps(api(), [options.app ?? []].flat());
  const session = sessionOf(options);
  const note = (text: string) => output.note(text);
  const write = writer(apps, session.format, output.colours(options.color));
  let isAnything = session.lines === 0;
  const show = (lines: readonly AppLine[]) => {
    isAnything ||= lines.length > 0;
    return output.write(lines.map(write).join(""));
  };
  const tail = async (follower: Omit<FollowOptions, "api" | "note">) => {
    for await (const lines of follow({ ...follower, api: api(), note }))
      await show(lines.map((line) => ({ app: follower.app, line })));
  };

  if (apps.length === 1) {
    await tail({ app: apps[0]!, session });
    if (!isAnything) note(nothingFound(apps[0]!, session));
    return;
  }

  // The histories are merged by time; after them each app goes on where its own ended.
  const past = { ...session, tail: false };
  const histories = apps.map((app) => ({ app, lines: follow({ api: api(), app, session: past, note }) }));
  const merged = interleave(histories, timeOf(session.format));
  let next = await merged.next();
  for (; !next.done; next = await merged.next()) await show(next.value);
  if (!session.tail) return;
  const places = next.value;
  const failures = await Promise.all(
    apps.map(async (app) => {
      const after = places.get(app) ?? "";
      try {
        // No place means that there was no line: whatever a new session shows is new.
        return await tail({ app, session, ...(after !== "" && { after }) });
      } catch (error) {
        if (!(error instanceof CliError)) throw error;
        note(`tailrace: ${app}: ${error.message}`); // the others go on
        return error;
      }
    }),
  );
  throw failures.find((failure) => failure !== undefined) ?? new Error("a tail ended by itself");
}

function sessionOf(options: Options): SessionBody {
  const { source, dyno, since, match, exclude } = options;
  const lines = options.num ?? (since === undefined ? linesDefault : undefined);
  return {
    ...(lines !== undefined && { lines }),
    tail: options.tail === true,
    ...(source !== undefined && { source }),
    ...(dyno !== undefined && { dyno }),
    ...(since !== undefined && { since }),
    ...(match !== undefined && { match }),
    ...(exclude !== undefined && { exclude }),
    format: options.json ? "json" : options.raw ? "raw" : "text",
  };
}

const nothingFound = (app: string, { source, dyno, since, match, exclude }: SessionBody): string =>
  [source, dyno, since, match, exclude].some((wanted) => wanted !== undefined)
    ? `No line of ${app} matches.`
    : `${app} has no lines.`;

/** The apps that the names and patterns mean, each once. A plain name is taken at its word. */
async function findApps(api: Api, names: readonly string[]): Promise<readonly string[]> {
  if (names.length === 0)
    throw wrongUse("No app is named.", 'Add "-a APP", or set TAILRACE_APP; "tailrace apps" lists the apps.');
  const isPattern = (name: string) => /[*?]/.test(name);
  const all = names.some(isPattern) ? (await api.apps()).map((app) => app.name) : [];
  const found = names.flatMap((name) => {
    if (!isPattern(name)) return [name];
    const matching = all.filter((app) => globForm(name).test(app));
    if (matching.length > 0) return matching;
    throw new CliError(`No app matches "${name}".`, '"tailrace apps" lists the apps that this key may see.');
  });
  return [...new Set(found)];
}

function globForm(pattern: string): RegExp {
  const parts = [...pattern].map((char) =>
    char === "*" ? ".*" : char === "?" ? "." : char.replace(/\W/, "\\$&"),
  );
  return new RegExp(`^${parts.join("")}$`);
}

/** How a line is printed: with its app's name when there are several, coloured when wanted. */
function writer(
  apps: readonly string[],
  format: SessionBody["format"],
  colours: boolean,
): (line: AppLine) => string {
  const several = apps.length > 1;
  if (format === "json")
    return ({ app, line }) => `${several ? JSON.stringify({ app, ...JSON.parse(line) }) : line}\n`;
  const width = Math.max(...apps.map((app) => app.length));
  const names = new Map(
    apps.map((app) => [app, `${colours ? colourName(app) : app}${" ".repeat(width - app.length + 1)}`]),
  );
  const text = colours && format === "text" ? colourLine : (line: string) => line;
  return ({ app, line }) => `${several ? names.get(app) : ""}${text(line)}\n`;
}

/** The time of a line in a format, NaN when it shows none. */
function timeOf(format: SessionBody["format"]): (line: string) => number {
  const form = { text: /^(\S+)/, json: /"time":"([^"]+)"/, raw: /^(?:[0-9]+ )?<[0-9]+>1 (\S+)/ }[format];
  return (line) => Date.parse(form.exec(line)?.[1] ?? "");
}

function lineCount(text: string): number {
  if (!/^[0-9]{1,9}$/.test(text)) throw new InvalidArgumentError("Write a whole number from 0 to 999999999.");
  return Number(text);
}
