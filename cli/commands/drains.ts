import type { Command } from "commander";
import type { Drain, DrainBody, DrainTrial } from "../api.ts";
import { appOption, appsOption, requiredApp } from "../app-names.ts";
import { printRows } from "../app-rows.ts";
import { type Context, jsonOption } from "../context.ts";
import { asSentence } from "../errors.ts";
import type { Output } from "../output.ts";
import { oneLine } from "../terminal-text.ts";
import { since, timeForms } from "../time.ts";
import { addDrainOptions, type DrainOptions, drainOptionsBody } from "./drain-options.ts";
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
  program
    .command("drains")
    .description("list the drains of apps, how far behind they are and what ails them")
    .addOption(appsOption())
    .addOption(jsonOption())
    .action((options: { app?: string[]; json?: true }) =>
      printRows(context, options, {
        rowsOf: (app) => api().drains(app),
        heads: ["TOKEN", "STATE", "LAG", "URL"],
        cells: ({ token, state = "", lag_lines: lag = "", url }) => [token, state, String(lag), url],
        none: (app) => `${app} has no drains. "tailrace drains:add -a ${app} URL" adds one.`,
      }),
    );

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
      const drain = await api().addDrain(app, drainBody(url, options));
      if (!options.json) await output.print(`Added drain ${drain.token} to ${app}: ${drain.url}`);
      if (options.verify && options.json) return output.json(drain);
      const trial = options.verify ? taken(drain) : await api().testDrain(app, drain.id);
      if (options.json) return output.json({ ...drain, test: trial });
      await output.print(firstFinding(trial));
      if (trial.expiring) output.note(asSentence(`But ${trial.expiring}`));
      if (!isTaken(trial)) output.note(whatFollows(trial, `${drain.token} -a ${app}`));
    });

  const withDrain = (name: string, description: string): Command =>
    program
      .command(name)
      .description(description)
      .argument("<drain>", "its token (d.…), id or URL")
      .addOption(appOption())
      .addOption(jsonOption());

  withDrain("drains:info", "show a drain with its ledger").action(async (key: string, options: Options) => {
    const drain = await api().drain(requiredApp(options.app), key);
    if (options.json) return output.json(drain);
    const facts = factsOf(drain);
    const width = Math.max(...facts.map(([name]) => name.length));
    await output.write(facts.map(([name, value]) => `${name.padEnd(width)}  ${oneLine(value)}\n`).join(""));
  });

  withDrain("drains:remove", "stop sending to a drain and forget it").action(
    async (key: string, options: Options) => {
      const app = requiredApp(options.app);
      const drain = await api().removeDrain(app, key);
      await (options.json ? output.json(drain) : output.print(`Removed drain ${drain.url} from ${app}`));
    },
  );

  registerDrainsUpdate(
    withDrain("drains:update", "change a drain's URL or options; it goes on where it is"),
    context,
  );

  withDrain("drains:pause", "hold a drain; its lines wait in the log").action(
    async (key: string, options: Options) => {
      const drain = await api().actOnDrain(requiredApp(options.app), key, "pause");
      await (options.json ? output.json(drain) : output.print(`Paused drain ${key}`));
    },
  );

  withDrain("drains:resume", "go on where a paused drain stopped").action(
    async (key: string, options: Options) => {
      const drain = await api().actOnDrain(requiredApp(options.app), key, "resume");
      await (options.json ? output.json(drain) : output.print(`Resumed drain ${key}`));
    },
  );

  withDrain("drains:replay", "send the lines since a time once more")
    .requiredOption("--since <time>", timeForms, since)
    .action(async (key: string, options: Options & { since: string }) => {
      const drain = await api().actOnDrain(requiredApp(options.app), key, "replay", { since: options.since });
      await (options.json
        ? output.json(drain)
        : output.print(`Drain ${key} gets the lines since ${options.since} once more`));
    });

  withDrain("drains:test", "send one test line now and show each step with its time").action(
    async (key: string, options: Options) => {
      const trial = await api().testDrain(requiredApp(options.app), key);
      if (options.json) await output.json(trial);
      else await printTrial(output, key, trial);
      if (!isTaken(trial)) process.exitCode = 1;
    },
  );
}

/** What `--verify` found: the drain would not be there otherwise. */
const taken = ({ last_test: test }: Drain): DrainTrial => ({
  kind: "delivered",
  reason: null,
  expiring: test?.expiring ?? null,
});

const firstFinding = (trial: DrainTrial): string => {
  if (isTaken(trial)) return "It took a test line";
  return `${trial.kind === "retry" ? "It does not take lines yet" : "It refuses lines"}: ${trial.reason}`;
};

const whatFollows = ({ kind }: DrainTrial, drain: string): string =>
  kind === "retry"
    ? `They wait until it does. "tailrace drains:test ${drain}" shows each step of a test.`
    : `Lines that it refuses are not sent again. "tailrace drains:pause ${drain}" holds them until that is mended.`;

const isTaken = ({ kind }: DrainTrial): boolean => kind === "delivered";

async function printTrial(output: Output, key: string, trial: DrainTrial): Promise<void> {
  const { steps = [], reason, expiring } = trial;
  const rows = steps.map(({ name, ms, detail, failed }) => [
    name,
    `${ms} ms`,
    failed ? "failed: see below" : detail,
  ]);
  if (rows.length > 0) await output.table(["STEP", "TIME", "FOUND"], rows);
  await output.print(
    isTaken(trial)
      ? `The destination of drain ${key} took a test line`
      : `The destination of drain ${key} did not take a test line: ${reason}`,
  );
  if (expiring) output.note(asSentence(`But ${expiring}`));
}

const drainBody = (url: string, options: AddOptions): DrainBody => ({
  url,
  ...drainOptionsBody(options),
  ...(options.since !== undefined && { since: options.since }),
  ...(options.verify && { verify: true }),
  ...(options.secret !== undefined && { secret: options.secret }),
});

function factsOf(drain: Drain): [string, string][] {
  const { filter = {}, redact = {}, last_error: error, last_test: test } = drain;
  const facts: [string, unknown][] = [
    ["url", drain.url],
    ["token", drain.token],
    ["id", drain.id],
    ["format", drain.format],
    ["compression", drain.compression],
    [
      "headers",
      drain.headers &&
        Object.entries(drain.headers)
          .map(([name, value]) => `${name}: ${value}`)
          .join(", "),
    ],
    ["sources", filter.sources?.join(", ")],
    ["dynos", filter.dynos?.join(", ")],
    ["match", filter.match],
    ["exclude", filter.exclude],
    ["redact", redact.detectors?.join(", ")],
    ["redact patterns", redact.patterns?.join(", ")],
    ["signed", drain.signed ? "yes" : undefined],
    ["state", drain.state],
    ["last error", typeof error === "object" ? [error?.at, error?.message].filter(Boolean).join(" ") : error],
    ["last test", test && [test.at, test.reason ?? "taken", test.expiring].filter(Boolean).join("; ")],
    ["lag", drain.lag_lines && `${drain.lag_lines} lines, ${drain.lag_seconds ?? 0} s`],
    ["next attempt", drain.next_attempt_at],
    ["rate", drain.rate === undefined ? undefined : `${drain.rate} lines/s`],
    ["delivered", drain.delivered],
    ["refused", drain.refused],
    ["lost", drain.lost],
    ["filtered", drain.filtered],
    ["replayed", drain.replayed],
    ["last delivery", drain.delivered_at],
    ["created", drain.created_at],
  ];
  return facts.flatMap(([name, value]) =>
    value === undefined || value === null || value === "" ? [] : [[name, String(value)] as [string, string]],
  );
}
