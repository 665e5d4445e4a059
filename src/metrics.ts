/** Every metric: unit in the name, labels from closed sets only, never an app, a token or a URL. */
import { Counter, collectDefaultMetrics, Histogram, Registry } from "prom-client";

/** What `/metrics` prints. */
export const metricsRegistry = new Registry();

/** Adds the process's own figures (CPU, memory, event loop); once for a process. */
export const collectProcessMetrics = (): void => collectDefaultMetrics({ register: metricsRegistry });

const registers = [metricsRegistry];

export const acceptedLines = new Counter({
  name: "tailrace_accepted_lines_total",
  help: "Lines that were durable when their sender was told so.",
  labelNames: ["via"] as const, // http, syslog, notice
  registers,
});

export const appendSeconds = new Histogram({
  name: "tailrace_append_duration_seconds",
  help: "From the hand-over of a batch to the log until it is durable.",
  buckets: [0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 15],
  registers,
});
