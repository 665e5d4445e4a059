/** A drain's work as its owner sees it: the worker's counts, and how far the app's log is ahead. */
import { endOf, positionIn, type StoredBatch } from "../core/batch/batch.ts";
import type { ChannelId } from "../core/ids.ts";
import { comparePositions } from "../core/position.ts";
import { rateAt } from "../core/records/rate.ts";
import { drainTestKey } from "../core/records/record-keys.ts";
import { AppError } from "../errors/app-error.ts";
import type { ChannelEnd, ChannelLog, From, Store } from "../ports.ts";
import { unlessUnreadable } from "./checked-store.ts";
import { type DrainCheckpoint, type ReplayProgress, readCheckpoint } from "./drain-checkpoint.ts";
import { storedCheckpoint } from "./drain-sheet.ts";
import type { DrainRecord, DrainTest } from "./records.ts";
import { timeOf } from "./time.ts";

/** `delivered + refused + lost + filtered + lagLines` are the app's lines since the drain's start, each once. */
export type DrainLedger = {
  readonly state: "idle" | "delivering" | "retrying" | "paused";
  readonly lastError: { readonly at: string; readonly message: string } | undefined;
  /** The result of the newest test line; no part of the worker's own work. */
  readonly lastTest: DrainTest | undefined;
  readonly lagLines: number;
  /** The age of the oldest waiting line. */
  readonly lagSeconds: number;
  readonly delivered: number;
  readonly refused: number;
  readonly lost: number;
  readonly filtered: number;
  readonly replayed: number;
  readonly deliveredAt: string | undefined;
  /** Lines a second, delivered over the last minute or so. */
  readonly rate: number;
  /** When it accepted lines again after its last failure, or for the first time; undefined while it fails. */
  readonly wellSince: string | undefined;
  /** The newest replay, running or done. */
  readonly replay: ReplayView | undefined;
  /** Set while it is retrying. A time in the past means that it waits for its turn, or is trying just now. */
  readonly nextAttemptAt: string | undefined;
};

/**
 * A replay of `lines` lines: `left` are still to go through, and `sent` were delivered; the rest were filtered or
 * refused.
 */
type ReplayView = {
  readonly since: string;
  readonly state: "waiting" | "sending" | "done";
  readonly lines: number;
  readonly left: number;
  readonly sent: number;
};

/** The longest wait for a read of history that is known to exist; after it, the place counts as unknown. */
const readMsMax = 5_000;

export async function readLedger(
  store: Store,
  log: ChannelLog,
  record: DrainRecord,
  nowMs: number,
): Promise<DrainLedger> {
  // Reads the checkpoint first, so that the log's end can only be later.
  const { checkpoint, lastError } = await read(store, record, nowMs);
  const cursor = checkpoint ?? record.start;
  const { lagLines, lagSeconds } = await lagOf(log, record.channel, cursor, nowMs);
  const isStuck = lastError !== undefined && !record.paused;
  const state = isStuck ? "retrying" : stateOf(record, checkpoint, lagLines);
  return {
    state,
    lastError: checkpoint?.lastError ?? lastError,
    lastTest: (await unlessUnreadable(store.get<DrainTest>(drainTestKey(record.id))))?.value,
    lagLines,
    lagSeconds,
    delivered: checkpoint?.delivered ?? 0,
    refused: checkpoint?.refused ?? 0,
    lost: checkpoint?.lost ?? 0,
    filtered: checkpoint?.filtered ?? 0,
    replayed: checkpoint?.replayed ?? 0,
    deliveredAt: checkpoint?.deliveredAt && timeOf(Date.parse(checkpoint.deliveredAt)),
    rate: state === "retrying" ? 0 : Math.round(100 * rateAt(checkpoint?.rate, nowMs)) / 100,
    wellSince: checkpoint?.wellSince && timeOf(Date.parse(checkpoint.wellSince)),
    replay: await replayOf(log, record, checkpoint),
    nextAttemptAt: state === "retrying" ? checkpoint?.failing?.nextAttemptAt : undefined,
  };
}

async function replayOf(
  log: ChannelLog,
  record: DrainRecord,
  checkpoint: DrainCheckpoint | undefined,
): Promise<ReplayView | undefined> {
  const asked = record.replay;
  if (asked === undefined) return undefined;
  const since = timeOf(asked.sinceMs);
  const found = checkpoint?.replay?.id === asked.id ? checkpoint.replay : undefined;
  if (found?.progress === undefined && found?.position === undefined) {
    const lines = found === undefined ? await linesSince(log, record, checkpoint, asked.sinceMs) : 0;
    return { since, state: found === undefined ? "waiting" : "done", lines, left: lines, sent: 0 };
  }
  const { firstLine, line, endLine, sent } = found.progress ?? unknownProgress;
  const state = found.position === undefined ? "done" : "sending";
  return { since, state, lines: endLine - firstLine, left: endLine - line, sent };
}

/** An earlier version began the replay, and counted nothing. */
const unknownProgress: ReplayProgress = { firstLine: 0, line: 0, endLine: 0, sent: 0 };

/** The number of lines that a replay since then would go through, up to the drain's cursor. */
export async function linesToReplay(
  store: Store,
  log: ChannelLog,
  record: DrainRecord,
  sinceMs: number,
): Promise<number> {
  const { checkpoint } = await read(store, record, sinceMs);
  return linesSince(log, record, checkpoint, sinceMs);
}

async function linesSince(
  log: ChannelLog,
  record: Pick<DrainRecord, "channel" | "start">,
  checkpoint: DrainCheckpoint | undefined,
  sinceMs: number,
): Promise<number> {
  const { line } = await placeSince(log, record.channel, sinceMs);
  return Math.max(0, (checkpoint ?? record.start).line - line);
}

/** How far an app's log is ahead of a drain's cursor. */
export async function lagOf(
  log: ChannelLog,
  channel: ChannelId,
  cursor: ChannelEnd,
  nowMs: number,
): Promise<Pick<DrainLedger, "lagLines" | "lagSeconds">> {
  const { batches, end } = await log.recent(channel, 1);
  const lagLines = Math.max(0, end.line - cursor.line);
  const newest = batches.at(-1);
  if (lagLines === 0 || newest === undefined || comparePositions(cursor.position, endOf(newest)) >= 0)
    return { lagLines, lagSeconds: 0 };
  const oldest = await firstBatch(log, channel, { kind: "after", position: cursor.position });
  const ageMs = oldest === undefined ? 0 : nowMs - oldest.acceptedAtMs;
  return { lagLines, lagSeconds: Math.max(0, Math.round(ageMs / 1000)) };
}

/** The state of a drain in one word. It is not stored, but follows from the record, the checkpoint and the lag. */
function stateOf(
  { paused, url, replay }: Pick<DrainRecord, "paused" | "url" | "replay">,
  checkpoint: DrainCheckpoint | undefined,
  lagLines: number,
): DrainLedger["state"] {
  if (paused) return "paused";
  if (url === undefined) return "idle"; // reserved, so nothing is sent yet
  if (checkpoint?.failing !== undefined) return "retrying";
  const isReplaying =
    replay !== undefined && (checkpoint?.replay?.id !== replay.id || checkpoint.replay.position);
  return lagLines > 0 || checkpoint?.unconfirmed !== undefined || isReplaying ? "delivering" : "idle";
}

const unreadableCodes: ReadonlySet<string> = new Set(["DRAIN_STATE_UNREADABLE", "RECORD_UNREADABLE"]);

// An unreadable checkpoint stops its drain, and its owner is told; the owner's other drains are shown anyway.
async function read(store: Store, record: DrainRecord, nowMs: number) {
  try {
    const stored = await storedCheckpoint(store, record);
    const checkpoint = stored === undefined ? undefined : readCheckpoint(stored, record);
    return { checkpoint, lastError: undefined };
  } catch (failure) {
    if (!(failure instanceof AppError) || !unreadableCodes.has(failure.code)) throw failure;
    const { message, mend } = failure;
    return { checkpoint: undefined, lastError: { at: timeOf(nowMs), message: `${message} ${mend}` } };
  }
}

/** The place before the first line that was accepted at `sinceMs` or later; the end if there is none. */
export async function placeSince(log: ChannelLog, channel: ChannelId, sinceMs: number): Promise<ChannelEnd> {
  const { batches, end } = await log.recent(channel, 1);
  const newest = batches.at(-1);
  if (newest === undefined || newest.acceptedAtMs < sinceMs) return end;
  const first = await firstBatch(log, channel, { kind: "since", timeMs: sinceMs });
  return first === undefined ? end : { position: positionIn(first, 0), line: first.line };
}

async function firstBatch(log: ChannelLog, channel: ChannelId, from: From): Promise<StoredBatch | undefined> {
  for await (const batch of log.follow(channel, from, AbortSignal.timeout(readMsMax), "present"))
    if (batch !== "foreign") return batch;
  return undefined;
}
