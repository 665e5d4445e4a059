/** `tailrace serve`: one server from its settings until a signal stops it. */
import { pino } from "pino";
import { type App, openApp } from "./app.ts";
import { type Config, operatorKey, version } from "./config.ts";
import { collectProcessMetrics } from "./metrics.ts";

const sameSignalMs = 1000;

/**
 * Runs until SIGTERM or SIGINT: stops intake, ends tails, finishes deliveries under way, commits cursors. A second
 * signal ends the process at once, and so does the first one during the start. `announce` is told the addresses when everything listens.
 */
export async function serve(config: Config, announce: (app: App) => void): Promise<void> {
  const logger = pino({ level: config.logLevel, base: { pid: process.pid } });
  collectProcessMetrics();
  const stopping = firstSignal();
  const opening = openApp(config, { logger, operatorKey: operatorKey() });
  const app = await Promise.race([opening, stopping.then(() => undefined)]);
  if (app === undefined) {
    // A start may wait long for what is elsewhere, and nothing was taken that would have to be finished.
    logger.info({ signal: await stopping }, "stopped before the start was done");
    process.exit(0);
  }
  logger.info({ version, http: app.url, syslog: app.syslog, data: config.data }, "listening");
  announce(app);
  const signal = await stopping;
  logger.info({ signal }, "stopping: intake first, then tails, then drains");
  await app.close();
  logger.info("stopped");
}

/**
 * The first SIGTERM or SIGINT. A second one ends the process at once, but for those of the first second: a signal to
 * a group of processes reaches this one directly and through its parent.
 */
const firstSignal = () =>
  new Promise<string>((resolve) => {
    let firstAtMs: number | undefined;
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      process.on(signal, () => {
        firstAtMs ??= performance.now();
        if (performance.now() - firstAtMs > sameSignalMs) process.exit(1);
        resolve(signal);
      });
    }
  });
