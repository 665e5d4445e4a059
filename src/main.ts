/** `tailrace serve`: one server from its settings until a signal stops it. */
import { pino } from "pino";
import { type App, openApp } from "./app.ts";
import { type Config, operatorKey, version } from "./config.ts";
import { collectProcessMetrics } from "./metrics.ts";

/**
 * Runs until SIGTERM or SIGINT: stops intake, ends tails, finishes deliveries under way, commits cursors. A second
 * signal ends the process at once. `announce` is told the addresses when everything listens.
 */
export async function serve(config: Config, announce: (app: App) => void): Promise<void> {
  const logger = pino({ level: config.logLevel, base: { pid: process.pid } });
  collectProcessMetrics();
  const app = await openApp(config, { logger, operatorKey: operatorKey() });
  logger.info({ version, http: app.url, syslog: app.syslog, data: config.data }, "listening");
  announce(app);
  const signal = await firstSignal();
  logger.info({ signal }, "stopping: intake first, then tails, then drains");
  for (const again of ["SIGTERM", "SIGINT"] as const) process.once(again, () => process.exit(1));
  await app.close();
  logger.info("stopped");
}

const firstSignal = () =>
  new Promise<string>((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => resolve(signal));
  });
