import { type Command, InvalidArgumentError, Option } from "commander";
import { EndSignals } from "../../src/core/time/end-signals.ts";
import type { FormationUpdate } from "../api/api-types.ts";
import { appOption, requiredApp } from "../app-names.ts";
import { type Context, single, wholeNumber } from "../context.ts";
import { joinOption, levelOption, noLevelOption } from "../local/line-options.ts";
import type { LineOptions } from "../local/program-lines.ts";
import { scalesIn } from "../scale-words.ts";
import { logGraceSecondsDefault } from "../up/limits.ts";
import { up } from "../up/up.ts";

type Options = LineOptions & {
  grace: number;
  app?: string;
  procfile: string;
  scale?: readonly FormationUpdate[];
  build?: string;
  port: number;
  runtimeMetrics?: boolean;
};

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

export function registerUp(program: Command, context: Context): void {
  program
    .command("up")
    .description("run a Procfile on this machine: build, dynos, a router, everything in the app's log")
    .addOption(appOption("the app; created if it does not exist"))
    .option("-f, --procfile <file>", "the Procfile; its folder is the app's", "Procfile")
    .addOption(
      new Option("--scale <dynos>", "numbers of dynos, as web=2,worker=1").argParser((text: string) =>
        scalesIn(text.split(",")),
      ),
    )
    .option(
      "--build <command>",
      "builds the app, in place of npm install or pip install; '' builds nothing",
      single,
    )
    .addOption(
      new Option("--port <port>", "of the router, on 127.0.0.1; 0 takes a free one")
        .default(5000)
        .argParser(port),
    )
    .option("--runtime-metrics", "log each dyno's memory every 20 s, as Heroku's log-runtime-metrics does")
    .addOption(new Option("--no-runtime-metrics", "the default, which it once was not").hideHelp())
    .addOption(joinOption())
    .addOption(levelOption())
    .addOption(noLevelOption())
    .addOption(
      new Option("--grace <seconds>", "time at the end to deliver what waits")
        .default(logGraceSecondsDefault)
        .argParser(wholeNumber),
    )
    .addHelpText(
      "after",
      `
Each process type of the Procfile starts with one dyno; "tailrace scale" changes that from any
terminal, and "ps", "restart", "stop" and "config:set" work there too. Dynos find PORT and DYNO in their
environment, besides .env and the config vars. Ctrl-C stops them cleanly; pressed again, at once. While
the server is away, lines wait for it as with "tailrace run": 32 MiB in memory, 1 GiB in a file.

Examples:
  tailrace up -a shop
  tailrace up -a shop -f app/Procfile --scale web=2,worker=1 --port 8080`,
    )
    .action(
      async ({
        app,
        procfile,
        scale = [],
        build,
        port: at,
        grace,
        runtimeMetrics = false,
        ...lines
      }: Options) => {
        const [soon, now] = [new AbortController(), new AbortController()];
        const ends = new EndSignals();
        const listener = () => {
          const seen = ends.see(performance.now());
          if (seen === "again") now.abort();
          if (seen !== "first") return;
          context.output.note("tailrace: Ending in good order. Ctrl-C again ends it at once.");
          soon.abort();
        };
        for (const signal of signals) process.on(signal, listener);
        context.output.onClosedPipe = () => {}; // the dynos go on, and so does their log
        context.output.onFailure = () => {};
        try {
          await up(
            { api: context.api(), output: context.output, variables: context.variables },
            {
              app: requiredApp(app),
              procfile,
              scale,
              build,
              port: at,
              runtimeMetrics,
              lines,
              graceMs: grace * 1000,
            },
            { soon: soon.signal, now: now.signal },
          );
        } finally {
          for (const signal of signals) process.off(signal, listener);
        }
      },
    );
}

function port(text: string): number {
  if (/^[0-9]{1,5}$/.test(text) && Number(text) < 65_536) return Number(text);
  throw new InvalidArgumentError("Write a port from 0 to 65535.");
}
