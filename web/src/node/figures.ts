/** The node's metrics, parsed from the Prometheus format. */
export type Figures = ReadonlyMap<string, number>;

/** Sums of every metric over its labels, and those of lines of drains by outcome: `NAME delivered`. */
export function figuresOf(text: string): Figures {
  const sums = new Map<string, number>();
  const add = (name: string, value: number) => sums.set(name, (sums.get(name) ?? 0) + value);
  for (const found of text.matchAll(/^([a-z_][a-z0-9_]*)(?:\{([^\n]*)\})? ([-+0-9.eE]+)$/gm)) {
    const [, name = "", labels = ""] = found;
    const value = Number(found[3]);
    if (!Number.isFinite(value)) continue;
    add(name, value);
    const outcome = /\boutcome="(\w+)"/.exec(labels)?.[1];
    if (outcome !== undefined) add(`${name} ${outcome}`, value);
  }
  return sums;
}

/** Lines per second, and lines that wait for drains. */
export type Pace = {
  readonly atMs: number;
  readonly accepted: number;
  readonly delivered: number;
  readonly waiting: number;
};

const accepted = "tailrace_accepted_lines_total";
const backlog = "tailrace_drain_backlog_lines";
const delivered = "tailrace_drain_lines_total delivered";

/** Lines per second between two readings; undefined if the node was restarted between them. */
export function paceBetween(
  before: { readonly atMs: number; readonly figures: Figures },
  after: { readonly atMs: number; readonly figures: Figures },
): Pace | undefined {
  const start = "process_start_time_seconds";
  if (before.figures.get(start) !== after.figures.get(start)) return undefined; // its counts began at 0
  const seconds = (after.atMs - before.atMs) / 1000;
  const rate = (name: string) => ((after.figures.get(name) ?? 0) - (before.figures.get(name) ?? 0)) / seconds;
  const waiting = after.figures.get(backlog) ?? 0;
  const pace = { atMs: after.atMs, accepted: rate(accepted), delivered: rate(delivered), waiting };
  return seconds <= 0 || pace.accepted < 0 || pace.delivered < 0 ? undefined : pace;
}
