import { type Command, Option } from "commander";
import { EndSignals } from "../../src/core/time/end-signals.ts";
import { appOption, requiredApp } from "../app-names.ts";
import { type Context, single, wholeNumber } from "../context.ts";
import { CliError, wrongUse } from "../errors.ts";
import { AwayNote } from "../local/away-note.ts";
import { appDestinations, checkName, type Destination, urlDestination } from "../local/destinations.ts";
import { awaitFirstAnswer } from "../local/first-answer.ts";
import { sendLastLines } from "../local/last-lines.ts";
import { graceSecondsDefault, heldQueueBytesMax, queueBytesMax, tryMsMax } from "../local/limits.ts";
import { joinOption, levelOption, noLevelOption } from "../local/line-options.ts";
import { LineSource } from "../local/parcel.ts";
import { openPost } from "../local/post-logs.ts";
import { type LineOptions, ProgramLines } from "../local/program-lines.ts";
import { linesWere, Shipper } from "../local/shipper.ts";
import type { Output } from "../output.ts";

type Options = LineOptions & {
  hold?: true;
  app?: string;
  source?: string;
  dyno?: string;
  drop?: true;
  maxAttempts?: number;
  grace: number;
};

/** `local7.info` and `local5.warning`, as dynos and log-shuttle write them. */
const pris = { app: 190, notice: 172 } as const;
const batchMsMax = 250;
/** How long the program at the other end of the pipe may go on writing after a signal. */
const lastWordsMsMax = 1_000;
/** After a signal, somebody waits for the end. */
const stoppedGraceMsMax = 10_000;

export function registerShip(program: Command, context: Context): void {
  program
    .command("ship")
    .description("send the lines of standard input to an app")
    .addOption(appOption("the app, by name or id; without it LOGS_URL is used"))
    .option(
      "--source <source>",
      "the source of the lines (default: app); its token is made when missing",
      single,
    )
    .option("--dyno <dyno>", "the process of the lines (default: shuttle)", single)
    .addOption(
      new Option("--hold", "hold standard input rather than lose a line (default)").conflicts("drop"),
    )
    .addOption(joinOption())
    .addOption(levelOption())
    .addOption(noLevelOption())
    .option("--drop", "drop lines with a count (L12) when too many wait, instead of holding standard input")
    .option(
      "--max-attempts <n>",
      "give up on lines after this many tries (L13); default: keep trying",
      wholeNumber,
    )
    .addOption(
      new Option("--grace <seconds>", "time at the end of input to deliver what waits")
        .default(graceSecondsDefault)
        .argParser(wholeNumber),
    )
    .addHelpText(
      "after",
      `
LOGS_URL is an address with a token in it, http://token:t.…@HOST/logs, as log-shuttle has it;
with it no API key is needed.

Examples:
  some-program 2>&1 | tailrace ship -a shop --dyno web.1
  LOGS_URL=http://token:t.…@127.0.0.1:8601/logs tailrace ship < lines.txt`,
    )
    .action((options: Options, command: Command) =>
      ship(context, options, command.getOptionValueSource("app") === "cli"),
    );
}

async function ship(context: Context, options: Options, appGiven: boolean): Promise<void> {
  const { output } = context;
  const [destination, notices] = await findDestinations(context, options, appGiven);
  const process = checkName("--dyno", options.dyno ?? "shuttle");
  const { post, close } = openPost(tryMsMax);
  const stop = new AbortController();
  const away = new AwayNote(output, destination.host);
  const shipper = new Shipper({
    post,
    waitMs: batchMsMax,
    attemptsMax: options.maxAttempts ?? Number.POSITIVE_INFINITY,
    whenFull: options.drop ? "drop" : "hold",
    bytesMax: options.drop ? queueBytesMax : heldQueueBytesMax,
    notices: new LineSource(notices, { pri: pris.notice, process: "log-shuttle", host: "heroku" }),
    onRefused: (error) => stop.abort(error),
    ...away.calls,
  });
  const unlisten = stopAtSignals(stop, shipper);
  try {
    const lines = new ProgramLines(shipper, destination, { pri: pris.app, process }, options);
    await readInput(output, shipper, lines, stop.signal);
    away.end();
    const graceMs = options.grace * 1000;
    const { dropped, lost, reason, answered, cutShort } = await sendLastLines(
      shipper,
      output,
      stop.signal.aborted ? Math.min(graceMs, stoppedGraceMsMax) : graceMs,
      destination.host,
    );
    if (stop.signal.reason instanceof CliError) {
      if (lost > 0) output.note(`tailrace: ${linesWere(lost)} not delivered`);
      throw stop.signal.reason;
    }
    if (dropped > 0)
      output.note(`tailrace: ${linesWere(dropped)} dropped (L12): they came quicker than they could be sent`);
    if (lost > 0) {
      const cause = answered
        ? "Its operator finds the reason in the server's own log"
        : `Check that ${destination.host()} runs`;
      throw new CliError(
        `${linesWere(lost)} lost (L13)${reason === undefined ? "" : `: ${reason}`}.`,
        `${cause}${more(options, cutShort, stop.signal.aborted)}.`,
      );
    }
  } finally {
    unlisten();
    await close();
  }
}

/** The destination of the lines, and of notices about missing lines. */
async function findDestinations(
  { api, output, variables }: Context,
  { app, source }: Options,
  appGiven: boolean,
): Promise<readonly [Destination, Destination]> {
  const logsUrl = variables.LOGS_URL;
  if (appGiven || !logsUrl) {
    if (!app && !logsUrl)
      throw wrongUse("Nothing says where the lines go.", 'Add "-a APP", or set LOGS_URL or TAILRACE_APP.');
    const [lines, notices] = appDestinations(api(), requiredApp(app), [source ?? "app", "heroku"]);
    await awaitFirstAnswer(lines!, output, "Standard input waits.");
    return [lines!, notices!];
  }
  if (source !== undefined)
    throw wrongUse("The token in LOGS_URL decides the source.", 'Leave --source out, or use "-a APP".');
  const destination = urlDestination(logsUrl);
  return [destination, destination];
}

/** Reads until the input ends or until stopped, only as fast as the shipper has room. */
async function readInput(
  output: Output,
  shipper: Shipper,
  lines: ProgramLines,
  signal: AbortSignal,
): Promise<void> {
  const { stdin } = process;
  if (stdin.isTTY) output.note("tailrace: Reads lines from the terminal; Ctrl-D ends them.");
  const stopReading = () => stdin.destroy();
  signal.addEventListener("abort", stopReading, { once: true });
  try {
    for await (const chunk of stdin) {
      lines.push(chunk);
      await shipper.room(signal);
      if (signal.aborted) break;
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  lines.end();
}

/**
 * SIGINT and SIGTERM usually go to the whole pipeline: the last output of the program is still read, then everything
 * that waits is sent. A second signal, after a second, gives up.
 */
function stopAtSignals(stop: AbortController, shipper: Shipper): () => void {
  let timer: NodeJS.Timeout | undefined;
  const ends = new EndSignals();
  const onSignal = () => {
    if (ends.see(performance.now()) === "again") {
      stop.abort();
      shipper.giveUp();
    }
    timer ??= setTimeout(() => stop.abort(), lastWordsMsMax);
  };
  process.on("SIGINT", onSignal).on("SIGTERM", onSignal);
  return () => {
    clearTimeout(timer);
    process.off("SIGINT", onSignal).off("SIGTERM", onSignal);
  };
}

/** The option that would have helped. After a signal, a longer grace is not possible. */
function more({ grace, maxAttempts }: Options, cutShort: boolean, isStopped: boolean): string {
  if (!cutShort) return `; a larger --max-attempts (${maxAttempts} now), or none, tries more often`;
  return isStopped ? "" : `; a larger --grace (${grace} s now) waits longer`;
}
