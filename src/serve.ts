/** `tailrace serve`: one server from its settings until a signal stops it. */
import type { Logger } from "pino";
import { type App, openApp } from "./app.ts";
import { type Config, operatorKey, version } from "./config.ts";
import { EndSignals } from "./core/time/end-signals.ts";
import { collectProcessMetrics, tellBuild } from "./metrics.ts";
import { openServerLog } from "./server-log.ts";

/** An arbitrary interval: the timer does nothing. */
const keptAliveMs = 60_000;

/**
 * Runs until SIGTERM, SIGINT or SIGQUIT: stops intake, ends tails, finishes deliveries under way, commits cursors. A
 * second signal ends the process at once, as does the first one during the start. SIGHUP reads the settings' files
 * again. `announce` gets the addresses when everything listens.
 */
export async function serve(config: Config, announce: (app: App) => void): Promise<void> {
  const givenKey = operatorKey();
  const logger = openServerLog(config.logLevel, givenKey === undefined ? [] : [givenKey]);
  collectProcessMetrics();
  tellBuild(version);
  const stopping = firstSignal();
  // While the start waits for another server, nothing else would keep the process alive.
  const keptAlive = setInterval(() => {}, keptAliveMs);
  const opening = openApp(config, { logger, operatorKey: givenKey });
  onOtherSignals(opening, logger);
  const app = await Promise.race([opening, stopping.then(() => undefined)]).finally(() =>
    clearInterval(keptAlive),
  );
  if (app === undefined) {
    // The start may wait long for another server, and there is nothing to finish yet.
    logger.info({ signal: await stopping }, "stopped before the start was done");
    process.exit(0);
  }
  logger.info(
    { version, http: app.url, admin: app.admin, ...listeners(app.syslog), ...placeOf(config) },
    "listening",
  );
  announce(app);
  const signal = await stopping;
  logger.info({ signal }, "stopping: intake first, then tails, then drains");
  await app.close();
  logger.info("stopped");
}

// Fields `syslog`, `syslogTls` and so on.
const listeners = (addresses: App["syslog"]) =>
  Object.fromEntries(
    Object.entries(addresses).map(([flag, address]) => [
      flag.slice(2).replace(/-(.)/g, (_, letter: string) => letter.toUpperCase()),
      address,
    ]),
  );

/** The folder of the log; on NATS, where no folder holds it, what this node does. */
const placeOf = ({ nats, data, roles }: Config) => (nats === undefined ? { data } : { roles });

/** The first signal to end. A second one ends the process at once. */
const firstSignal = () =>
  new Promise<string>((resolve) => {
    const ends = new EndSignals();
    for (const signal of ["SIGTERM", "SIGINT", "SIGQUIT"] as const) {
      process.on(signal, () => {
        if (ends.see(performance.now()) === "again") process.exit(1);
        resolve(signal);
      });
    }
  });

/**
 * Signals that must not end the server or open anything. Node would start its debugger on SIGUSR1. SIGPIPE is left to
 * Node, which ignores it: a listener would be called for every client that leaves.
 */
function onOtherSignals(opening: Promise<App>, logger: Logger): void {
  for (const signal of ["SIGUSR1", "SIGUSR2"] as const) {
    process.on(signal, () => logger.info({ signal }, "this signal asks for nothing"));
  }
  const reload = async (app: App) => {
    try {
      const files = await app.reload();
      const what =
        files.length === 0 ? "there are no files to read again" : "files of the settings were read again";
      logger.info({ signal: "SIGHUP", files }, what);
    } catch (err) {
      logger.error(
        { signal: "SIGHUP", err },
        "files of the settings were not read again: what was read before stays",
      );
    }
  };
  let isAsked = false;
  let newest: Promise<unknown> = opening;
  process.on("SIGHUP", () => {
    if (isAsked) return; // the next reading will serve this signal too
    isAsked = true;
    newest = newest
      .then(() => opening)
      .then((app) => {
        isAsked = false;
        return reload(app);
      })
      .catch(() => {}); // a failed start reports itself
  });
}
