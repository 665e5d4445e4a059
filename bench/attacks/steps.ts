/**
 * What a victim's lines wait for, from their post to their tail. The server's part is seen from inside (`watch.ts` records
 * it), the rest by the victim; the two share the system's monotonic clock.
 */

/** Milliseconds of a clock that all processes of the machine share. */
export const clockMs = (): number => Number(process.hrtime.bigint()) / 1e6;

/** The header by which the server's side knows a victim's line. */
export const lineHeader = "x-line";

/** The times of a line's steps in the server, by the clock above. */
export type Seen = {
  /** Its connection was accepted. */
  accepted: number;
  /** The head of its request was parsed. */
  parsed: number;
  /** Its route began to handle it. */
  begun: number;
  /** The last write to the disk before its answer began, and ended; on NATS its publish, and the read of its acknowledgement. */
  writing: number;
  written: number;
  answered: number;
};

/** How long the server had worked at a time of the clock above. */
export type Worked = { readonly atMs: number; readonly workMs: number };

/** A line as its victim saw it. */
export type Line = { readonly number: number; readonly sentMs: number; readonly tailedMs: number };

export const stepNames = ["connect", "read", "door", "gather", "commit", "answer", "tail"] as const;

const slowestPart = 0.03;

/** The average milliseconds in each step, over those of the slowest lines of which the server saw every step. */
export function stepsOfSlowest(lines: readonly Line[], seen: ReadonlyMap<number, Seen>): readonly number[] {
  const took = ({ sentMs, tailedMs }: Line) => tailedMs - sentMs;
  const slowest = lines
    .filter(({ number }) => seen.has(number))
    .toSorted((a, b) => took(b) - took(a))
    .slice(0, Math.max(1, Math.round(lines.length * slowestPart)));
  const all = slowest.map((line) => stepsOf(line, seen.get(line.number)!));
  return stepNames.map((_, step) => all.reduce((sum, steps) => sum + steps[step]!, 0) / all.length);
}

/** Each ends when the next begins. */
function stepsOf({ sentMs, tailedMs }: Line, seen: Seen): readonly number[] {
  const { accepted, parsed, begun, answered } = seen;
  const isWritten = seen.writing >= begun;
  const writing = isWritten ? seen.writing : answered;
  const written = isWritten ? Math.max(writing, seen.written) : answered;
  const times = [sentMs, Math.max(sentMs, accepted), parsed, begun, writing, written, answered, tailedMs];
  return stepNames.map((_, step) => times[step + 1]! - times[step]!);
}

/** The slowest line of each half second, in ms. */
export function slowestOverTime(lines: readonly Line[]): readonly number[] {
  const startMs = Math.min(...lines.map(({ sentMs }) => sentMs));
  const slowest: number[] = [];
  for (const { sentMs, tailedMs } of lines) {
    const half = Math.floor((sentMs - startMs) / 500);
    slowest[half] = Math.max(slowest[half] ?? 0, tailedMs - sentMs);
  }
  return slowest;
}

/**
 * How long the server worked while lines were under way, p99 and at most. Other programs of the machine make lines wait, and
 * nobody's work is longer for it.
 */
export function workDuring(
  lines: readonly Line[],
  worked: readonly Worked[],
): { p99Ms: number; maxMs: number } {
  const works = lines
    .map(({ sentMs, tailedMs }) => workBy(tailedMs, worked) - workBy(sentMs, worked))
    .sort((a, b) => a - b);
  return { p99Ms: works[Math.ceil(works.length * 0.99) - 1] ?? 0, maxMs: works.at(-1) ?? 0 };
}

/** The work of the longest turns of the event loop, p99 and at most: what was done in one go, and what threads did meanwhile. */
export function turnsOf(worked: readonly Worked[]): { p99Ms: number; maxMs: number } {
  const turns = worked.slice(1).map(({ workMs }, n) => workMs - worked[n]!.workMs);
  turns.sort((a, b) => a - b);
  return { p99Ms: turns[Math.ceil(turns.length * 0.99) - 1] ?? 0, maxMs: turns.at(-1) ?? 0 };
}

/** What was worked by then; between two times as much as its part of the time between them. */
function workBy(atMs: number, worked: readonly Worked[]): number {
  let [from, to] = [0, worked.length - 1];
  while (to - from > 1) {
    const middle = (from + to) >> 1;
    if (worked[middle]!.atMs <= atMs) from = middle;
    else to = middle;
  }
  const [before, after] = [worked[from]!, worked[to]!];
  const part = (atMs - before.atMs) / (after.atMs - before.atMs || 1);
  return before.workMs + Math.min(1, Math.max(0, part)) * (after.workMs - before.workMs);
}
