import { randomInt } from "node:crypto";
import { type Command, Option } from "commander";
import { EndSignals } from "../../src/core/time/end-signals.ts";
import { appOption, requiredApp } from "../app-names.ts";
import { type Context, single, wholeNumber } from "../context.ts";
import { AwayNote } from "../local/away-note.ts";
import { appDestinations, checkName, type Destination, urlDestination } from "../local/destinations.ts";
import { Dyno } from "../local/dyno.ts";
import { awaitFirstAnswer } from "../local/first-answer.ts";
import { sendLastLines } from "../local/last-lines.ts";
import { graceSecondsDefault, spillBytesMax, tryMsMax } from "../local/limits.ts";
import { joinOption, levelOption, noLevelOption } from "../local/line-options.ts";
import { firstPiece } from "../local/line-splitter.ts";
import { LineSource } from "../local/parcel.ts";
import { openPost } from "../local/post-logs.ts";
import { type LineOptions, ProgramLines } from "../local/program-lines.ts";
import { linesWere, type Shipped, Shipper } from "../local/shipper.ts";
import { SpillFile } from "../local/spill-file.ts";
import type { Output } from "../output.ts";

type Options = LineOptions & { app?: string; dyno?: string; hold?: true; grace: number };

/**
 * `local7.info`, `local7.err` and `local0.info`, as on Heroku (docs/spec/wire-in.md#w6-1); L-codes are
 * `local5.warning`.
 */
const pris = { stdout: 190, stderr: 187, heroku: 134, notice: 172 } as const;
/** Output appears in the log at once, as far as people can tell, but a burst still goes out together. */
const batchMsMax = 25;

const signals = ["SIGINT", "SIGTERM", "SIGQUIT", "SIGHUP"] as const;
/** Mean what the command defines. */
const ownSignals = ["SIGUSR1", "SIGUSR2"] as const;

export function registerRun(program: Command, context: Context): void {
  program
    .command("run")
    .description("run a command as a dyno: its output and its state changes are logged")
    .argument("<command...>", "the command and its arguments, behind --")
    .addOption(appOption())
    .option("--dyno <dyno>", "the name of the process, as web.1 (default: run.N, N at random)", single)
    .option("--hold", "hold the command rather than lose a line, however long the server is away")
    .addOption(joinOption())
    .addOption(levelOption())
    .addOption(noLevelOption())
    .addOption(
      new Option("--grace <seconds>", "time at the end of the command to deliver what waits")
        .default(graceSecondsDefault)
        .argParser(wholeNumber),
    )
    .passThroughOptions()
    .addHelpText(
      "after",
      `
Standard input, the terminal's signals and the exit status are those of the command. Its standard
error is logged with severity err, unless a JSON or logfmt line names its own level. The command starts
and runs even if the server is away: 32 MiB of lines wait in memory and 1 GiB in a file; further lines
are dropped and counted (L12), or the command waits (--hold). While the server takes lines, the command
runs no faster than they can be stored. Everything that the command started ends with it, and with
tailrace. LOGS_URL, an address with a token in it, replaces -a and a key.

Examples:
  tailrace run -a shop -- npm start
  tailrace run -a shop --dyno web.1 -- sh -c 'exec ./server --port "$PORT"'`,
    )
    .action(([command, ...args]: [string, ...string[]], options: Options, self: Command) =>
      run(context, command, args, options, self.getOptionValueSource("app") === "cli"),
    );
}

async function run(
  { api, output, variables }: Context,
  command: string,
  args: readonly string[],
  options: Options,
  appGiven: boolean,
): Promise<void> {
  const name = checkName("--dyno", options.dyno ?? `run.${randomInt(1000, 10_000)}`);
  const [appLog, herokuLog] = destinationsOf(api, variables.LOGS_URL, options.app, appGiven);
  const { post, close } = openPost(tryMsMax);
  const away = new AwayNote(output, appLog.host);
  const spill = new SpillFile({ bytesMax: spillBytesMax });
  const shipper = new Shipper({
    post,
    waitMs: batchMsMax,
    attemptsMax: Number.POSITIVE_INFINITY,
    whenFull: options.hold ? "hold" : "hold-when-taken",
    ...(!options.hold && { spill }),
    notices: new LineSource(herokuLog, { pri: pris.notice, process: name }),
    onRefused: ({ message, mend }) =>
      output.note(`tailrace: From now on nothing is logged: ${message}`, mend),
    ...away.calls,
  });
  if (await awaitFirstAnswer(appLog, output, "The command starts, and its lines wait.")) away.told();

  const place = { shipper, appLog, herokuLog, name, output, options };
  const dyno = startDyno(place, command, args, variables);
  const stdout = { isWritable: true };
  output.onClosedPipe = () => dyno.closeStream("stdout");
  output.onFailure = () => {
    stdout.isWritable = false; // the command goes on, and so does its log
  };
  const ends = new EndSignals();
  let stop: (signal: NodeJS.Signals) => void = (signal) => dyno.signal(signal);
  const onSignal = (signal: NodeJS.Signals) => {
    if (ends.see(performance.now()) !== "echo") stop(signal);
  };
  for (const signal of signals) process.on(signal, onSignal);
  for (const signal of ownSignals) process.on(signal, () => dyno.pass(signal));

  const { status, missing } = await dyno.ended;
  if (missing !== undefined)
    output.note(`tailrace: ${missing}.`, "For a line of shell write: tailrace run -- sh -c '…'");
  away.end();
  stop = () => shipper.giveUp(); // the impatient need not wait
  const shipped = await sendLastLines(shipper, output, options.grace * 1000, appLog.host);
  tellLosses(output, appLog.host(), shipped);
  await close();
  spill.discard();
  for (const signal of signals) process.removeAllListeners(signal);
  process.exitCode = status === 0 && !stdout.isWritable ? 1 : status;
}

/** The destinations of the output and of the dyno's states: with LOGS_URL, both are lines of its token. */
function destinationsOf(
  api: Context["api"],
  logsUrl: string | undefined,
  app: string | undefined,
  appGiven: boolean,
): readonly [Destination, Destination] {
  if (!appGiven && logsUrl) {
    const destination = urlDestination(logsUrl);
    return [destination, destination];
  }
  return appDestinations(api(), requiredApp(app), ["app", "heroku"]) as [Destination, Destination];
}

type Place = {
  readonly shipper: Shipper;
  readonly appLog: Destination;
  readonly herokuLog: Destination;
  readonly name: string;
  readonly output: Output;
  readonly options: LineOptions;
};

function startDyno(
  { shipper, appLog, herokuLog, name, output, options }: Place,
  command: string,
  args: readonly string[],
  variables: Context["variables"],
): Dyno {
  const stateLines = new LineSource(herokuLog, { pri: pris.heroku, process: name, vital: true });
  const linesOf = (pri: number) => new ProgramLines(shipper, appLog, { pri, process: name }, options);
  const lines = { stdout: linesOf(pris.stdout), stderr: linesOf(pris.stderr) };
  const never = new AbortController().signal;
  return new Dyno({
    command,
    args,
    environment: { ...variables, DYNO: name },
    onOutput: (stream, chunk) => {
      lines[stream].push(chunk);
      const shown = output.pass(stream, chunk);
      if (shown === undefined && shipper.hasRoom) return undefined;
      return Promise.all([shown, shipper.room(never)]).then(() => {});
    },
    onOutputEnd: () => {
      lines.stdout.end();
      lines.stderr.end();
    },
    onState: (text) => {
      const line = firstPiece(text);
      shipper.add(stateLines, line, 0, line.length, true);
    },
  });
}

function tellLosses(output: Output, host: string, { dropped, lost, reason }: Shipped): void {
  if (dropped > 0)
    output.note(
      `tailrace: ${linesWere(dropped)} dropped (L12): no more of them could wait, and ${host} took none. --hold holds the command instead.`,
    );
  if (lost > 0)
    output.note(
      `tailrace: ${linesWere(lost)} not logged by ${host}${reason === undefined ? "" : `: ${reason}`}`,
    );
}
