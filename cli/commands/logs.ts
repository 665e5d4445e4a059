import type { Command } from "commander";
import { appsMatching, appsOption, isPattern, requiredApps } from "../app-names.ts";
import type { Context } from "../context.ts";
import { interleave } from "../logs/interleave.ts";
import { followAll, newApps } from "../logs/joining-apps.ts";
import {
  addSessionOptions,
  checkSession,
  isTailing,
  neighboursOf,
  readsMessages,
  type SessionOptions,
  sessionOf,
} from "../logs/log-session.ts";
import { LogView } from "../logs/log-view.ts";
import { addFormOptions, type FormOptions, formOf } from "../view/form-options.ts";
import { compiled } from "../view/highlight.ts";
import { timeOf } from "../view/log-form.ts";

type Options = SessionOptions & FormOptions & { readonly app?: readonly string[] };

/** `logs`. */
export function registerLogs(program: Command, context: Context): void {
  const command = program
    .command("logs")
    .description("show an app's log, and follow it")
    .addOption(appsOption());
  addFormOptions(addSessionOptions(command))
    .addHelpText(
      "after",
      `
On a terminal lines are laid out to be read; *router marks a line of the platform, not of the app. The app's colours stay,
and every other control character is written out (\\u001b). In a pipe lines have Heroku's form, as with --long.

Examples:
  tailrace logs -a shop -n 20                   the newest 20 lines
  tailrace logs -a shop -f --dyno web           history, then live, of the web processes
  tailrace logs -a 'shop-*' --since 1h --match 'status=5..' -C 2
  tailrace logs -a shop --since 'yesterday 14:30' --until 'yesterday 15:00' --level warning
  tailrace logs -a shop -f -n 0 --until-match 'Listening on'
  tailrace logs -a shop --json | jq .message`,
    )
    .action((options: Options) => showLogs(context, options));
}

async function showLogs({ api, output }: Context, options: Options): Promise<void> {
  const tail = isTailing(options);
  const apps = await requiredApps(api(), options.app, tail);
  checkSession(options, apps);
  const patterns = (options.app ?? []).filter(isPattern);
  const mayJoin = tail && patterns.length > 0;
  const form = formOf(options, {
    output,
    apps,
    areSeveral: apps.length > 1 || mayJoin,
    readsMessages: readsMessages(options),
    nowMs: Date.now,
  });
  const session = sessionOf(options, form.format);
  const view = new LogView({
    api: api(),
    output,
    session,
    form,
    asked: options.num,
    colours: options.color,
    neighbours: neighboursOf(options),
    untilMatch: options.untilMatch === undefined ? undefined : compiled(options.untilMatch, "--until-match"),
  });
  if (tail) output.endWithReader();
  if (apps.length === 0)
    output.note(`tailrace: No app matches ${patterns.join(", ")} yet: new ones join in.`);
  if (apps.length === 1 && !mayJoin) {
    await view.all(apps[0]!, options.from);
    await view.tellOutcome(apps[0]!);
    return view.mustHaveMatched();
  }

  // Merges the histories by time; after that, each app continues where its own ended.
  const histories = apps.map((app) => ({ app, lines: view.read(app, false) }));
  const merged = interleave(histories, timeOf(session.format));
  let next = await merged.next();
  for (; !next.done; next = await merged.next()) await view.show(next.value);
  await view.end();
  if (!tail) {
    for (const app of apps) await view.tellOutcome(app);
    return view.mustHaveMatched();
  }
  const places = next.value;
  await followAll({
    apps,
    // Without a place there was no line, so everything that a new session shows is new.
    follow: (app) => view.all(app, places.get(app)),
    ...(mayJoin && {
      joining: newApps(async () => appsMatching(patterns, await api().apps()), apps),
    }),
    join: (app) => {
      output.note(`tailrace: ${app}: is new, and shown from its first line`);
      return view.whole(app);
    },
    failed: (app, error) => output.note(`tailrace: ${app}: ${error.message}`),
  });
}
