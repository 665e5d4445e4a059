/** An app's log at a glance: how much, since when, how fast recently, how many errors, and the last line. */
import type { StoredBatch } from "../core/batch/batch.ts";
import { cursorOver } from "../core/batch/line-index.ts";
import { levelAt } from "../core/filter/line-level.ts";
import type { ChannelId } from "../core/ids.ts";
import { isAsBad, levels } from "../core/message/level.ts";
import { origin, type Position } from "../core/position.ts";
import type { ChannelLog, Clock } from "../ports.ts";
import { turns } from "../turns.ts";
import type { Recent } from "./recent.ts";

export type LogSummary = {
  /** The position after the newest line. */
  readonly position: Position;
  /** The running number of the next line, and so the number of lines since the log began. */
  readonly endLine: number;
  /** The oldest line that is kept; undefined when there is none. */
  readonly oldest: { readonly line: number; readonly acceptedAtMs: number } | undefined;
  /** The number of seconds over which lines are counted, or fewer if the newest lines do not reach that far back. */
  readonly seconds: number;
  readonly lines: number;
  /** The errors among them, by their texts or else by their severity. */
  readonly errors: number;
  readonly newest: NewestLine | undefined;
};

type NewestLine = {
  readonly acceptedAtMs: number;
  readonly source: string;
  readonly dyno: string;
  readonly severity: string;
  readonly message: string;
};

const windowMs = 60_000;
/** Nearly all JSON lines are shorter than this. */
const messageBytesMax = 2_000;
/** The longest wait for the oldest batch. */
const readMsMax = 2_000;

export async function summaryOf(
  { log, recent, clock }: { readonly log: ChannelLog; readonly recent: Recent; readonly clock: Clock },
  channel: ChannelId,
): Promise<LogSummary> {
  const { batches, end } = await recent.read(channel);
  const nowMs = clock.nowMs();
  const last = batches.at(-1);
  const late = batches.filter(({ acceptedAtMs }) => acceptedAtMs > nowMs - windowMs);
  const oldest = last && (await firstBatch(log, channel));
  const first = late[0];
  const isCut = first !== undefined && first === batches[0] && first.line !== oldest?.line;
  const spanMs = isCut ? Math.max(1_000, nowMs - first.acceptedAtMs) : windowMs;
  return {
    position: end.position,
    endLine: end.line,
    oldest: oldest && { line: oldest.line, acceptedAtMs: oldest.acceptedAtMs },
    seconds: Math.round(spanMs / 1000),
    lines: late.reduce((sum, { count }) => sum + count, 0),
    errors: await errorsIn(late, channel),
    newest: last && newestOf(last),
  };
}

// Batches of a ring are asked about for as long as they are there, and read once.
const errorCounts = new WeakMap<StoredBatch, number>();
/** Lines between two looks at the clock. */
const linesBetween = 32;

/** Counts lines that are errors by their texts or else by their severity. */
async function errorsIn(batches: readonly StoredBatch[], channel: ChannelId): Promise<number> {
  let sum = 0;
  for (const batch of batches) {
    let errors = errorCounts.get(batch);
    if (errors === undefined) {
      errors = 0;
      const cursor = cursorOver(batch);
      for (let line = 1; cursor.next(); line++) {
        if (isAsBad(levelAt(cursor), "err")) errors++;
        if (line % linesBetween === 0 && turns.isOver) await turns.next(channel);
      }
      errorCounts.set(batch, errors);
    }
    sum += errors;
  }
  return sum;
}

// The last line of a batch.
function newestOf(batch: StoredBatch): NewestLine {
  const { bytes, acceptedAtMs } = batch;
  const cursor = cursorOver(batch);
  while (cursor.next() && cursor.end < bytes.length);
  const text = (start: number, end: number) => Buffer.from(bytes.subarray(start, end)).toString();
  const messageEnd = Math.min(cursor.messageEnd, cursor.messageStart + messageBytesMax);
  return {
    acceptedAtMs,
    source: text(cursor.sourceStart, cursor.sourceEnd),
    dyno: text(cursor.processStart, cursor.processEnd),
    severity: levels[cursor.pri & 7]!,
    message: text(cursor.messageStart, messageEnd)
      .replace(/\uFFFD$/, "")
      .trimEnd(),
  };
}

async function firstBatch(log: ChannelLog, channel: ChannelId): Promise<StoredBatch | undefined> {
  const read = new AbortController();
  const late = setTimeout(() => read.abort(), readMsMax);
  try {
    for await (const batch of log.follow(
      channel,
      { kind: "after", position: origin },
      read.signal,
      "present",
    ))
      if (batch !== "foreign") return batch;
    return undefined;
  } finally {
    clearTimeout(late);
    read.abort();
  }
}
