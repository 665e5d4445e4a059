import type { Command } from "commander";
import { timeForms } from "../../src/core/time/time-words.ts";
import type { Drain, DrainBody } from "../api/api-types.ts";
import { appOption, requiredApp } from "../app-names.ts";
import { registerList } from "../app-rows.ts";
import { type Context, jsonOption } from "../context.ts";
import { printFacts } from "../drain-facts.ts";
import {
  isTaken,
  printFinding,
  printTestResult,
  replayWords,
  stateWords,
  taken,
  troubleOf,
} from "../drain-words.ts";
import { ListedArgument } from "../listed.ts";
import { since } from "../logs/log-session.ts";
import { count } from "../logs/search-words.ts";
import { addDrainOptions, type DrainOptions, drainOptionsBody } from "./drain-options.ts";
import { ownerOf } from "./drain-owner.ts";
import { addingFailed } from "./drain-repeated.ts";
import { registerDrainsUpdate } from "./drains-update.ts";

type AddOptions = DrainOptions & {
  app?: string;
  json?: true;
  since?: string;
  secret?: string;
  verify?: true;
};
type Options = { app?: string; json?: true };

/** `drains` and everything done to one drain. */
export function registerDrains(program: Command, context: Context): void {
  const { api, output } = context;
  registerList(program, context, {
    name: "drains",
    description:
      "list the drains of all apps, or of some: their state, how far behind they are, and why one does not deliver",
    rowsOf: (app) => api().drains(app),
    heads: ["TOKEN", "STATE", "LAG", "REFUSED", "LOST", "URL"],
    rare: ["REFUSED", "LOST"],
    cells: (drain) => [
      drain.token,
      stateWords(drain),
      String(drain.lag_lines ?? ""),
      drain.refused ? count(drain.refused) : "",
      drain.lost ? count(drain.lost) : "",
      drain.addon ? `${drain.url} (add-on ${drain.addon.name})` : drain.url,
    ],
    note: troubleOf,
    none: (app) => `${app} has no drains. "tailrace drains:add -a ${app} URL" adds one.`,
  });

  addDrainOptions(
    program
      .command("drains:add")
      .description(
        "send an app's lines to a URL, from now on, and say what its destination does with a test line",
      )
      .argument("<url>", "https://, http://, syslog:// or syslog+tls://")
      .addOption(appOption()),
  )
    .option("--since <time>", `begin with the lines since then: ${timeForms}`, since)
    .option("--secret <text>", "sign bodies with this secret")
    .option("--verify", "add nothing when the destination does not take a test line")
    .addOption(jsonOption())
    .action(async (url: string, options: AddOptions) => {
      const app = requiredApp(options.app);
      const drain = await api()
        .addDrain(app, drainBody(url, options))
        .catch((error) => addingFailed(api(), app, error));
      if (!options.json) await output.print(`Added drain ${drain.token} to ${app}: ${drain.url}`);
      if (options.verify && options.json) return output.json(drain);
      const result = options.verify ? taken(drain) : await api().testDrain(app, drain.id);
      if (options.json) return output.json({ ...drain, test: result });
      await printFinding(output, result, `${drain.token} -a ${app}`);
    });

  const withDrain = (name: string, description: string): Command =>
    program
      .command(name)
      .description(description)
      .addArgument(new ListedArgument("drain", "<drain>", "its token (d.…), id or URL"))
      .addOption(appOption("the app that has the drain (else all apps are searched)"))
      .addOption(jsonOption());

  withDrain("drains:info", "show a drain with its ledger").action(async (key: string, options: Options) => {
    const drain = await api().drain(await ownerOf(api(), options.app, key), key);
    if (options.json) return output.json(drain);
    await printFacts(output, drain, Date.now());
  });

  withDrain("drains:remove", "stop sending to a drain and forget it").action(
    async (key: string, options: Options) => {
      const app = await ownerOf(api(), options.app, key);
      const drain = await api().removeDrain(app, key);
      await (options.json ? output.json(drain) : output.print(`Removed drain ${drain.url} from ${app}`));
    },
  );

  registerDrainsUpdate(
    withDrain("drains:update", "change a drain's URL or options; it keeps its place in the log"),
    context,
  );

  withDrain("drains:pause", "hold a drain; its lines wait in the log").action(
    async (key: string, options: Options) => {
      const drain = await api().actOnDrain(await ownerOf(api(), options.app, key), key, "pause");
      await (options.json ? output.json(drain) : output.print(`Paused drain ${key}`));
    },
  );

  withDrain("drains:resume", "resume a paused drain where it stopped").action(
    async (key: string, options: Options) => {
      const drain = await api().actOnDrain(await ownerOf(api(), options.app, key), key, "resume");
      await (options.json ? output.json(drain) : output.print(`Resumed drain ${key}`));
    },
  );

  withDrain("drains:replay", "send the lines since a time again")
    .requiredOption("--since <time>", timeForms, since)
    .action(async (key: string, options: Options & { since: string }) => {
      const app = await ownerOf(api(), options.app, key);
      const drain = await api().actOnDrain<Drain>(app, key, "replay", { since: options.since });
      if (options.json) return output.json(drain);
      await output.print(replayWords(key, options.since, drain));
      if (drain.state === "paused")
        output.note(`It is paused: "tailrace drains:resume ${key} -a ${app}" lets it begin.`);
    });

  withDrain("drains:test", "send one test line now and show each step with its time").action(
    async (key: string, options: Options) => {
      const result = await api().testDrain(await ownerOf(api(), options.app, key), key);
      if (options.json) await output.json(result);
      else await printTestResult(output, key, result);
      if (!isTaken(result)) process.exitCode = 1;
    },
  );
}

const drainBody = (url: string, options: AddOptions): DrainBody => ({
  url,
  ...drainOptionsBody(options),
  ...(options.since !== undefined && { since: options.since }),
  ...(options.verify && { verify: true }),
  ...(options.secret !== undefined && { secret: options.secret }),
});
