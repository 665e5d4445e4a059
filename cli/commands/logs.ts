import { type Command, InvalidArgumentError } from "commander";
import { type Level, levelNamed, levels } from "../../src/core/level.ts";
import { parsePosition } from "../../src/core/position.ts";
import type { SessionBody } from "../api-types.ts";
import { appsOption, requiredApps } from "../app-names.ts";
import { anyOf, type Context, collect } from "../context.ts";
import { CliError, wrongUse } from "../errors.ts";
import { interleave } from "../interleave.ts";
import { LogView } from "../log-view.ts";
import { since, timeForms } from "../time.ts";
import { addFormOptions, type FormOptions, formOf } from "../view/form-options.ts";
import { timeOf } from "../view/log-form.ts";

type Options = {
  app?: string[];
  num?: number;
  tail?: true;
  follow?: true;
  source?: string[];
  dyno?: string[];
  excludeDyno?: string[];
  level?: Level;
  from?: string;
  since?: string;
  exclude?: string[];
} & FormOptions;

const linesDefault = 100;

/** `logs`. */
export function registerLogs(program: Command, context: Context): void {
  const command = program
    .command("logs")
    .description("show an app's log, and follow it")
    .addOption(appsOption())
    .option("-n, --num <lines>", `the newest so many (default: ${linesDefault}, or all --since)`, lineCount)
    .option("-t, --tail", "go on with the lines that come; reconnects by itself")
    .option("-f, --follow", "the same as --tail")
    .option("-s, --source <source>", "only this source: app, heroku, … (may be repeated)", collect)
    .option(
      "-d, --dyno <dyno>",
      "only this process (web.1) or type (web, 'web.*') (may be repeated)",
      collect,
    )
    .option("--exclude-dyno <dyno>", "not this process or type (may be repeated)", collect)
    .option("--level <level>", `only lines as bad as that: ${levels.join(", ")}`, level)
    .option("--since <time>", `only lines since then: ${timeForms}`, since)
    .option("--from <position>", "go on behind that place, as --positions printed it", position)
    .option("--match <re>", "only lines whose text matches (RE2); repeated: any of them", collect)
    .option("--exclude <re>", "not the lines whose text matches (RE2); repeated: none of them", collect);
  addFormOptions(command)
    .addHelpText(
      "after",
      `
On a terminal lines are laid out for eyes: *router is what the platform says, not the app. The app's colours stay, and
every other control character is written out (\\u001b). Through a pipe lines are Heroku's, as with --long.

Examples:
  tailrace logs -a shop -n 20                   the newest 20 lines
  tailrace logs -a shop -f --dyno web           history, then live, of the web processes
  tailrace logs -a 'shop-*' --since 1h --match 'status=5..'
  tailrace logs -a shop --since 'yesterday 14:30' -n 50
  tailrace logs -a shop --json | jq .message`,
    )
    .action((options: Options) => showLogs(context, options));
}

async function showLogs({ api, output }: Context, options: Options): Promise<void> {
  const apps = await requiredApps(api(), options.app);
  if (options.from !== undefined && apps.length > 1)
    throw wrongUse("--from is a place in the log of one app.", "Name one app.");
  const [other] = (["since", "num"] as const).filter((name) => options[name] !== undefined);
  if (options.from !== undefined && other !== undefined)
    throw wrongUse(`--from and --${other} exclude each other.`, "Give one of them.");
  const form = formOf(options, { output, apps, areSeveral: apps.length > 1, nowMs: Date.now });
  const session = sessionOf(options, form.format);
  if (session.tail) output.endWithReader();
  const view = new LogView({
    api: api(),
    output,
    session,
    form,
    asked: options.num,
    colours: options.color,
  });
  if (apps.length === 1) {
    await view.all(apps[0]!, options.from);
    view.tellOutcome(apps[0]!);
    return;
  }

  // Merges the histories by time; after them each app goes on where its own ended.
  const histories = apps.map((app) => ({ app, lines: view.follow(app, false) }));
  const merged = interleave(histories, timeOf(session.format));
  let next = await merged.next();
  for (; !next.done; next = await merged.next()) await view.show(next.value);
  await view.end();
  if (!session.tail) {
    for (const app of apps) view.tellOutcome(app);
    return;
  }
  const places = next.value;
  const failures = await Promise.all(
    apps.map(async (app) => {
      try {
        // Without a place there was no line: everything that a new session shows is new.
        return await view.all(app, places.get(app));
      } catch (error) {
        if (!(error instanceof CliError)) throw error;
        output.note(`tailrace: ${app}: ${error.message}`); // the others go on
        return error;
      }
    }),
  );
  throw failures.find((failure) => failure !== undefined) ?? new Error("a tail ended by itself");
}

function sessionOf(
  { source, dyno, match, exclude, ...options }: Options,
  format: SessionBody["format"],
): SessionBody {
  const lines = options.num ?? (options.since === undefined ? linesDefault : undefined);
  return {
    ...(lines !== undefined && { lines }),
    tail: options.tail === true || options.follow === true,
    ...(source && { source: oneOrAll(source) }),
    ...(dyno && { dyno: oneOrAll(dyno) }),
    ...(options.excludeDyno && { exclude_dyno: options.excludeDyno }),
    ...(options.level && { level: options.level }),
    ...(options.since !== undefined && { since: options.since }),
    ...(match && { match: anyOf(match) }),
    ...(exclude && { exclude: anyOf(exclude) }),
    format,
  };
}

/** One name is a text, as Heroku's clients write it. */
const oneOrAll = (names: readonly string[]): string | readonly string[] =>
  names.length === 1 ? names[0]! : names;

function level(text: string): Level {
  const named = levelNamed(text);
  if (named === undefined) throw new InvalidArgumentError(`Write one of ${levels.join(", ")}.`);
  return named;
}

function position(text: string): string {
  if (parsePosition(text) === undefined)
    throw new InvalidArgumentError("Write a position as --positions prints it.");
  return text;
}

function lineCount(text: string): number {
  if (!/^[0-9]{1,9}$/.test(text)) throw new InvalidArgumentError("Write a whole number from 0 to 999999999.");
  return Number(text);
}
