/**
 * What a session reads, in order: history, then live when it tails. The only state of a reader is its place in the
 * log: it pulls batch by batch, from the app's ring while that has them and from the log otherwise, so a reader that
 * does not pull costs the batch it is at and nothing else.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { endOf, positionIn, type StoredBatch } from "../core/batch.ts";
import { formatBatch, type Shape, skipToNewest, type Transport } from "../core/format.ts";
import type { ChannelId } from "../core/ids.ts";
import { compileFilter, type LineFilter } from "../core/line-filter.ts";
import { weigh } from "../core/loss.ts";
import { l11Replaced, l11Text, noticeLine, replacedText } from "../core/notice.ts";
import { comparePositions, isSamePlace, origin, type Position, readPosition } from "../core/position.ts";
import { tailLostLines } from "../metrics.ts";
import type { ChannelEnd, ChannelLog, Clock, Followed, From } from "../ports.ts";
import type { FormatCache } from "./format-cache.ts";
import type { History, Recent } from "./recent.ts";
import type { SessionSpec } from "./session-url.ts";

export type SessionParts = {
  readonly log: ChannelLog;
  readonly recent: Recent;
  readonly formats: FormatCache;
  readonly clock: Clock;
};

/** How a reader reads: over which transport, and behind which position if it was here before. */
export type Reader = { readonly transport: Transport; readonly after?: Position | undefined };

/** A stretch of what a reader gets; `count` is 0 where the filter kept no line. All before `position` is told. */
export type TailPart = { readonly bytes: Buffer; readonly count: number; readonly position: Position };

/** Reads an opened session until it is done, its channel is destroyed, or `signal` is aborted. */
export type ReadSession = (signal: AbortSignal) => AsyncGenerator<TailPart, void, void>;

// `due` is the channel's running number of the line that comes next, where that is known. `final` ends the history.
type Plan = {
  readonly channel: ChannelId;
  readonly shape: Shape;
  readonly from: From;
  readonly due: number | undefined;
  readonly final: ChannelEnd | undefined;
};

const oldest: From = { kind: "after", position: origin };
const l11Pri = 172; // local5.warning, as L10
const nothing = Buffer.alloc(0);
const turnBytesMax = 262_144; // a filter that keeps little must not hold the event loop while it looks for it

/**
 * Finds where the reader starts: behind `after`, else since `spec.sinceMs`, else at the newest `spec.lines` lines that
 * pass the filter. What it returns reads on from there; without `spec.tail` up to the end that the log has now.
 */
export async function openSession(
  parts: SessionParts,
  spec: SessionSpec,
  { transport, after }: Reader,
): Promise<ReadSession> {
  const { channel } = spec;
  const shape: Shape = { format: spec.format, transport, filter: filterOf(spec) };
  const history = await parts.recent.read(channel);
  const start =
    after !== undefined
      ? { from: { kind: "after", position: after } as const, due: undefined }
      : spec.sinceMs !== undefined
        ? { from: { kind: "since", timeMs: spec.sinceMs } as const, due: undefined }
        : newestLines(parts.formats, history, shape, spec.lines);
  if (!spec.tail && (await hasNothing(parts, channel, history, start.from))) return async function* () {};
  const plan: Plan = { channel, shape, ...start, final: spec.tail ? undefined : history.end };
  return (signal) => read(parts, plan, signal);
}

// Lines that retention took before they were pulled are told in one L11 line with their exact number, which no
// filter drops.
async function* read(
  parts: SessionParts,
  plan: Plan,
  signal: AbortSignal,
): AsyncGenerator<TailPart, void, void> {
  const { channel, shape, from, final } = plan;
  if (from.kind === "after") yield { bytes: nothing, count: 0, position: from.position };
  let { due } = plan;
  let toldMs = parts.clock.nowMs();
  let turnBytes = 0;
  let start = from;
  for await (const batch of batchesFrom(parts, channel, from, signal)) {
    if (batch === "foreign") {
      yield replacedPart(parts, shape);
      start = oldest;
      continue;
    }
    const isPast = final !== undefined && batch.line >= final.line;
    due ??= firstDue(start, batch);
    const { missing, repeated } = weigh(due, isPast ? { line: final.line, count: 0 } : batch);
    if (missing > 0) {
      tailLostLines.inc(missing);
      yield lossPart(parts, shape, batch, missing, toldMs);
    }
    if (isPast) return;
    yield { ...parts.formats.get(batch, shape, repeated), position: endOf(batch) };
    due = batch.line + batch.count;
    toldMs = batch.acceptedAtMs;
    if (final !== undefined && due >= final.line) return;
    turnBytes += batch.bytes.length;
    if (turnBytes >= turnBytesMax) {
      turnBytes = 0;
      await nextTurn();
    }
  }
}

async function* batchesFrom(
  { log, recent }: SessionParts,
  channel: ChannelId,
  from: From,
  signal: AbortSignal,
): AsyncGenerator<Followed, void, void> {
  let rest = from;
  while (rest.kind === "after" && !signal.aborted) {
    const batch = recent.next(channel, rest.position);
    if (batch === undefined) break;
    rest = { kind: "after", position: endOf(batch) };
    yield batch;
  }
  yield* log.follow(channel, rest, signal);
}

function newestLines(
  formats: FormatCache,
  { batches, end }: History,
  shape: Shape,
  lines: number,
): { from: From; due: number } {
  let wanted = lines;
  let first = batches.length;
  let skip = 0;
  while (wanted > 0 && first > 0) {
    const batch = batches[--first]!;
    const count = shape.filter === undefined ? batch.count : formats.get(batch, shape).count;
    if (count > wanted) skip = skipToNewest(batch, shape.filter, wanted);
    wanted -= count;
  }
  const batch = batches[first];
  return batch === undefined
    ? { from: { kind: "after", position: end.position }, due: end.line }
    : { from: { kind: "after", position: positionIn(batch, skip) }, due: batch.line + skip };
}

// A reader of history alone must not wait for lines that nobody has written yet. A place behind the end is not of this log.
async function hasNothing(
  { log }: SessionParts,
  channel: ChannelId,
  { batches, end }: History,
  from: From,
): Promise<boolean> {
  if (from.kind === "since") return (batches.at(-1)?.acceptedAtMs ?? 0) < from.timeMs;
  if (from.kind !== "after" || comparePositions(from.position, end.position) < 0) return false;
  // The ring may be a moment behind.
  const { position } = (await log.recent(channel, 0)).end;
  return isSamePlace(from.position, position);
}

// A position tells how many lines of its own batch were read; what was trimmed behind that batch it cannot tell.
function firstDue(from: From, batch: StoredBatch): number {
  const place = from.kind === "after" ? readPosition(from.position) : undefined;
  return batch.line + (place?.sequence === batch.sequence ? place.lines : 0);
}

// What the reader had read is of another log. Events say so to programs; a reader of plain lines gets a line.
function replacedPart({ clock }: SessionParts, { format, transport }: Shape): TailPart {
  if (transport === "events") {
    return {
      bytes: Buffer.from(`event: log-replaced\nid: ${origin}\ndata: ${replacedText}\n\n`),
      count: 0,
      position: origin,
    };
  }
  const notice = noticeLine(l11Pri, clock.nowMs(), l11Replaced);
  return { ...formatBatch({ ...notice, at: origin }, { format, transport }), position: origin };
}

function lossPart(
  { clock }: SessionParts,
  { format, transport }: Shape,
  behind: StoredBatch,
  lines: number,
  sinceMs: number,
): TailPart {
  const position = positionIn(behind, 0);
  const notice = noticeLine(l11Pri, clock.nowMs(), l11Text(lines, sinceMs));
  return { ...formatBatch({ ...notice, at: position }, { format, transport }), position };
}

// A URL is only made for a filter that compiles.
function filterOf(spec: SessionSpec): LineFilter | undefined {
  const compiled = compileFilter(spec.filter);
  return compiled.kind === "filter" ? compiled.filter : undefined;
}
