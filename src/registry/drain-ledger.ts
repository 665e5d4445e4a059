/** What a drain's owner sees of its work: the worker's counts, and how far the app's log is ahead of it. */
import { endOf, positionIn, type StoredBatch } from "../core/batch.ts";
import type { ChannelId } from "../core/ids.ts";
import { comparePositions } from "../core/position.ts";
import { rateAt } from "../core/rate.ts";
import type { ChannelEnd, ChannelLog, From, Store } from "../ports.ts";
import type { DrainRecord, DrainState, DrainTest } from "./records.ts";
import { timeOf } from "./time.ts";

/** `delivered + refused + lost + filtered + lagLines` are the app's lines since the drain's start, each once. */
export type DrainLedger = {
  readonly state: "idle" | "delivering" | "retrying" | "paused";
  readonly lastError: { readonly at: string; readonly message: string } | undefined;
  /** What the newest test line found; no part of the worker's own work. */
  readonly lastTest: DrainTest | undefined;
  readonly lagLines: number;
  /** Age of the oldest line that waits. */
  readonly lagSeconds: number;
  readonly delivered: number;
  readonly refused: number;
  readonly lost: number;
  readonly filtered: number;
  readonly replayed: number;
  readonly deliveredAt: string | undefined;
  /** Lines a second, delivered over the last minute or so. */
  readonly rate: number;
  /** Set while it is retrying; a time that is past says that it waits for its turn, or tries just now. */
  readonly nextAttemptAt: string | undefined;
};

/** A read of history that is known to be there takes no longer; when it does, the place is taken as unknown. */
const readMsMax = 5_000;

export async function readLedger(
  store: Store,
  log: ChannelLog,
  record: DrainRecord,
  nowMs: number,
): Promise<DrainLedger> {
  // The state first: the log's end can only be further on then.
  const state = (await store.get<DrainState>(`drain-state/${record.id}`))?.value;
  const cursor = state ?? record.start;
  const { batches, end } = await log.recent(record.channel, 1);
  const lagLines = Math.max(0, end.line - cursor.line);
  const newest = batches.at(-1);
  const isWaiting = lagLines > 0 && newest && comparePositions(cursor.position, endOf(newest)) < 0;
  const oldest = isWaiting
    ? await firstBatch(log, record.channel, { kind: "after", position: cursor.position })
    : undefined;
  const shown = record.paused ? "paused" : (state?.phase ?? "idle");
  return {
    state: shown,
    lastError: state?.lastError,
    lastTest: (await store.get<DrainTest>(`drain-test/${record.id}`))?.value,
    lagLines,
    lagSeconds: oldest === undefined ? 0 : Math.max(0, Math.round((nowMs - oldest.acceptedAtMs) / 1000)),
    delivered: state?.delivered ?? 0,
    refused: state?.refused ?? 0,
    lost: state?.lost ?? 0,
    filtered: state?.filtered ?? 0,
    replayed: state?.replayed ?? 0,
    deliveredAt: state?.deliveredAt && timeOf(Date.parse(state.deliveredAt)),
    rate: Math.round(100 * rateAt(state?.rate, nowMs)) / 100,
    nextAttemptAt: shown === "retrying" ? state?.nextAttemptAt : undefined,
  };
}

/** The place before the first line that was accepted at `sinceMs` or later; the end when there is none. */
export async function placeSince(log: ChannelLog, channel: ChannelId, sinceMs: number): Promise<ChannelEnd> {
  const { batches, end } = await log.recent(channel, 1);
  const newest = batches.at(-1);
  if (newest === undefined || newest.acceptedAtMs < sinceMs) return end;
  const first = await firstBatch(log, channel, { kind: "since", timeMs: sinceMs });
  return first === undefined ? end : { position: positionIn(first, 0), line: first.line };
}

async function firstBatch(log: ChannelLog, channel: ChannelId, from: From): Promise<StoredBatch | undefined> {
  for await (const batch of log.follow(channel, from, AbortSignal.timeout(readMsMax)))
    if (batch !== "foreign") return batch;
  return undefined;
}
