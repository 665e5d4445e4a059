import { readFileSync } from "node:fs";
import type { Command } from "commander";
import type { Drain, DrainBody, DrainTrial } from "../api.ts";
import { appOption, appsOption, requiredApp } from "../app-names.ts";
import { printRows } from "../app-rows.ts";
import { anyOf, type Context, collect, jsonOption } from "../context.ts";
import { asSentence, codeOf, wrongUse } from "../errors.ts";
import type { Output } from "../output.ts";
import { oneLine } from "../terminal-text.ts";
import { since, timeForms } from "../time.ts";

type AddOptions = {
  app?: string;
  json?: true;
  format?: string;
  compression?: string;
  redact?: string[];
  redactPattern?: string[];
  header?: string[];
  source?: string[];
  dyno?: string[];
  match?: string[];
  exclude?: string[];
  since?: string;
  secret?: string;
  ca?: string;
  cert?: string;
  key?: string;
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

  program
    .command("drains:add")
    .description(
      "send an app's lines to a URL, from now on, and say what its destination does with a test line",
    )
    .argument("<url>", "https://, http://, syslog:// or syslog+tls://")
    .addOption(appOption())
    .option(
      "--format <format>",
      "how lines are written: logplex, rfc5424, ndjson, otlp, loki, datadog, … (docs/destinations.md)",
    )
    .option("--compression <kind>", "gzip")
    .option("--header <name: value>", "send this header along (may be repeated)", collect)
    .option("--source <source>", "only lines of this source (may be repeated)", collect)
    .option("--dyno <dyno>", "only this process (web.1) or type (web) (may be repeated)", collect)
    .option("--match <re>", "only lines that match (RE2); repeated: any of them", collect)
    .option("--exclude <re>", "not the lines that match (RE2); repeated: none of them", collect)
    .option(
      "--redact <detector>",
      "take these out of lines: email, card, bearer or ip (may be repeated)",
      collect,
    )
    .option("--redact-pattern <re>", "take out what matches (RE2) (may be repeated)", collect)
    .option("--since <time>", `begin with the lines since then: ${timeForms}`, since)
    .option("--secret <text>", "sign bodies with this secret")
    .option("--ca <file>", "trust this authority (PEM)")
    .option("--cert <file>", "client certificate (PEM)")
    .option("--key <file>", "key of the client certificate (PEM)")
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

  withDrain("drains:update", "change the secret that bodies are signed with")
    .option("--secret <text>", "sign with this secret, and for now with the one before, too")
    .option("--drop-previous-secret", "sign with the newest secret alone: receivers have changed over")
    .action(async (key: string, options: Options & { secret?: string; dropPreviousSecret?: true }) => {
      const app = requiredApp(options.app);
      const { secret, dropPreviousSecret: drops } = options;
      if ((secret === undefined) === (drops === undefined))
        throw wrongUse("One change at a time.", "Add --secret TEXT, or later --drop-previous-secret.");
      const drain =
        secret === undefined
          ? await api().dropPreviousSecret(app, key)
          : await api().rotateSecret(app, key, secret);
      if (options.json) return output.json(drain);
      await output.print(`Drain ${key} signs with ${drops ? "its newest secret alone" : "the new secret"}`);
      if (!drops)
        output.note(
          `If it had one before, it signs with that, too: "tailrace drains:update ${drain.token} --drop-previous-secret -a ${app}" ends that.`,
        );
    });

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

function drainBody(url: string, options: AddOptions): DrainBody {
  const { source, dyno, match, exclude } = options;
  const filter = {
    ...(source && { sources: source }),
    ...(dyno && { dynos: dyno }),
    ...(match && { match: anyOf(match) }),
    ...(exclude && { exclude: anyOf(exclude) }),
  };
  const redact = {
    ...(options.redact && { detectors: options.redact }),
    ...(options.redactPattern && { patterns: options.redactPattern }),
  };
  return {
    url,
    ...(options.format !== undefined && { format: options.format }),
    ...(options.compression !== undefined && { compression: options.compression }),
    ...(Object.keys(redact).length > 0 && { redact }),
    ...(options.header && { headers: headersOf(options.header) }),
    ...(Object.keys(filter).length > 0 && { filter }),
    ...(options.since !== undefined && { since: options.since }),
    ...(options.verify && { verify: true }),
    ...(options.secret !== undefined && { secret: options.secret }),
    ...(options.ca !== undefined && { ca: pem("--ca", options.ca) }),
    ...(options.cert !== undefined && { cert: pem("--cert", options.cert) }),
    ...(options.key !== undefined && { key: pem("--key", options.key) }),
  };
}

function headersOf(texts: readonly string[]): Record<string, string> {
  const headers = texts.map(headerOf);
  const names = headers.map(([name]) => name.toLowerCase());
  const repeated = names.findIndex((name, index) => names.indexOf(name) !== index);
  if (repeated === -1) return Object.fromEntries(headers);
  throw wrongUse(
    `--header number ${repeated + 1} has the name of one before, ${headers[repeated]![0]}.`,
    "Give each header once; several values go into one, with commas between them.",
  );
}

// Its text may be a secret: it is named by its place.
function headerOf(text: string, index: number): [string, string] {
  const match = /^([^:\s]+):\s*(.*)$/.exec(text);
  if (match !== null) return [match[1]!, match[2]!];
  const flaw = text.includes(":") ? "has no name, or one with a blank in it" : "has no colon";
  throw wrongUse(`--header number ${index + 1} ${flaw}.`, 'Write it as --header "Name: value".');
}

function pem(option: string, file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const code = codeOf(error) ?? "";
    throw wrongUse(`${option} ${file} ${fileFlaws[code] ?? `cannot be read (${code})`}.`, "Name a PEM file.");
  }
}

const fileFlaws: Readonly<Record<string, string>> = {
  ENOENT: "does not exist",
  EACCES: "may not be read by this user",
  EISDIR: "is a folder",
};

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
