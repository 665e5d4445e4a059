import { randomInt } from "node:crypto";
import { once } from "node:events";
import type { Command } from "commander";
import { appOption, requiredApp } from "../app-names.ts";
import type { Context } from "../context.ts";
import { appDestination, checkName } from "../local/destinations.ts";
import { Dyno } from "../local/dyno.ts";
import { LineSplitter } from "../local/line-splitter.ts";
import { LineSource } from "../local/parcel.ts";
import { openPost } from "../local/post-logs.ts";
import { linesWere, Shipper } from "../local/shipper.ts";

/** `local7.info` and `local0.info`, as Heroku has them (`logplex.md` §2.3). */
const appPri = 190;
const herokuPri = 134;
/** Output appears in the log at once, for an eye; a burst still goes out together. */
const batchMsMax = 25;
const tryMsMax = 10_000;
/** After the end of the process its last lines are given this long. */
const flushMsMax = 10_000;

const signals = ["SIGINT", "SIGTERM", "SIGQUIT", "SIGHUP"] as const;

/** `run`. */
export function registerRun(program: Command, context: Context): void {
  program
    .command("run")
    .description("run a command as a dyno: its output and its state changes are logged")
    .argument("<command...>", "the command and its arguments, behind --")
    .addOption(appOption())
    .option("--dyno <dyno>", "the name of the process, as web.1 (default: run.N, N at random)")
    .passThroughOptions()
    .addHelpText(
      "after",
      `
Standard input, the terminal's signals and the exit status are those of the command. A log server
that is away never holds the command up: what cannot be kept is counted and told at the end.

Examples:
  tailrace run -a shop -- npm start
  tailrace run -a shop --dyno web.1 -- sh -c 'exec ./server --port "$PORT"'`,
    )
    .action(([command, ...args]: [string, ...string[]], options: { app?: string; dyno?: string }) =>
      run(context, command, args, options),
    );
}

async function run(
  { api, output, variables }: Context,
  command: string,
  args: readonly string[],
  options: { app?: string; dyno?: string },
): Promise<void> {
  const app = requiredApp(options.app);
  const name = checkName("--dyno", options.dyno ?? `run.${randomInt(1000, 10_000)}`);
  const appLines = new LineSource(await appDestination(api(), app, "app"), appPri, name);
  const herokuLines = new LineSource(await appDestination(api(), app, "heroku"), herokuPri, name);
  const { post, close } = openPost(tryMsMax);
  const shipper = new Shipper({
    post,
    waitMs: batchMsMax,
    attemptsMax: Number.POSITIVE_INFINITY,
    drops: true,
  });
  const splitter = () => new LineSplitter((...line) => shipper.add(appLines, ...line));
  const splitters = { stdout: splitter(), stderr: splitter() };

  const dyno = new Dyno({
    command,
    args,
    environment: { ...variables, DYNO: name },
    onOutput: (stream, chunk) => {
      splitters[stream].push(chunk);
      return process[stream].write(chunk) ? undefined : once(process[stream], "drain").then(() => {});
    },
    onOutputEnd: () => {
      splitters.stdout.end();
      splitters.stderr.end();
    },
    onState: (text) => {
      const line = Buffer.from(text);
      shipper.add(herokuLines, line, 0, line.length, true);
    },
  });
  output.onClosedPipe = () => dyno.closeStream("stdout");
  const listeners = signals.map((signal) => [signal, () => dyno.signal(signal)] as const);
  for (const [signal, listener] of listeners) process.on(signal, listener);

  const { status, missing } = await dyno.ended;
  if (missing !== undefined)
    output.note(`tailrace: ${missing}.\nFor a line of shell write: tailrace run -a ${app} -- sh -c '…'`);
  for (const [signal, listener] of listeners) process.off(signal, listener);
  for (const signal of signals) process.on(signal, () => shipper.giveUp()); // the impatient need not wait
  const { dropped, lost, reason } = await shipper.close(flushMsMax);
  if (dropped > 0)
    output.note(`tailrace: ${linesWere(dropped)} not logged: they came quicker than they could be sent`);
  if (lost > 0)
    output.note(
      `tailrace: ${linesWere(lost)} not logged${reason === undefined ? "" : ` by ${api().logsUrl.host}: ${reason}`}`,
    );
  await close();
  for (const signal of signals) process.removeAllListeners(signal);
  process.exitCode = status;
}
