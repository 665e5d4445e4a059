/**
 * Reads a session in order: history, then live when it tails. The only state of a reader is its place in the log. It
 * pulls batch by batch, from the app's ring while that has them and from the log otherwise, so a reader that does not
 * pull costs one batch and nothing else.
 */
import { positionIn } from "../core/batch/batch.ts";
import { incompleteText } from "../core/batch/notice.ts";
import { compileFilter, type LineFilter } from "../core/filter/line-filter.ts";
import type { Transport } from "../core/format/format.ts";
import type { ChannelId } from "../core/ids.ts";
import type { Position } from "../core/position.ts";
import type { ChannelEnd, From } from "../ports.ts";
import { showAround } from "./around.ts";
import { type Forward, readForward } from "./forward.ts";
import { showFound } from "./found-lines.ts";
import type { Feed } from "./hub.ts";
import { lineBefore, newestBefore } from "./lines-before.ts";
import type { History } from "./recent.ts";
import { type Looked, searchNewest, type Wanted } from "./search.ts";
import type { SessionSpec } from "./session-url.ts";
import {
  replacedPart,
  type Session,
  type SessionParts,
  searchedPart,
  type TailPart,
  tickPart,
} from "./tail-part.ts";

/** The transport of a reader, and the position that it has read up to if it was here before. */
export type Reader = { readonly transport: Transport; readonly after?: Position | undefined };

/** Reads an opened session until it ends, its channel is destroyed, or `signal` is aborted. */
export type ReadSession = (signal: AbortSignal) => AsyncGenerator<TailPart, void, void>;

/**
 * The beginning of a session: a search for its newest lines, or a known place. `looked`: the progress that is told to
 * the reader from there.
 */
type Beginning =
  | { readonly kind: "search"; readonly wanted: Wanted }
  | { readonly kind: "place"; readonly forward: Forward; readonly looked?: Looked };

/**
 * Finds where the reader starts: after `after`, or with all lines since `spec.sinceMs`, or at the newest `spec.lines`
 * lines that pass the filter. The result reads on from there; without `spec.tail`, up to the present end of the log.
 */
export async function openSession(
  parts: SessionParts,
  spec: SessionSpec,
  { transport, after }: Reader,
): Promise<ReadSession> {
  const { channel, tail } = spec;
  const tellsProgress = spec.progress === true && transport === "events" && after === undefined;
  const session = sessionOf(spec, transport, tellsProgress);
  const whole = await parts.recent.read(channel);
  const end = spec.untilMs === undefined ? whole.end : await endBefore(parts, channel, whole, spec.untilMs);
  const history = { ...whole, end };
  if (spec.before !== undefined) return readBefore(parts, session, spec, spec.before, end);
  const due = after === undefined ? undefined : await parts.recent.lineAfter(channel, after);
  const beginning = beginningOf(parts, session, spec, history, { after, due });
  if (beginning.kind === "search")
    return (signal) => searchAndRead(parts, session, beginning.wanted, end, spec, signal);
  const { looked } = beginning;
  const forward = { ...beginning.forward, end: tail ? undefined : end };
  return async function* (signal) {
    if (session.tellsProgress && looked !== undefined) yield searchedPart(looked);
    yield* readForward(parts, session, forward, signal);
  };
}

/** The session's lines from a place on, in a form that other tails can share; undefined if it does not tail. */
export function feedOf(parts: SessionParts, spec: SessionSpec, transport: Transport): Feed | undefined {
  const { channel, format, tail } = spec;
  if (!tail) return undefined;
  const session = sessionOf(spec, transport, false);
  return {
    key: `${channel} ${format} ${transport} ${session.filter?.key ?? ""}`,
    channel,
    isEnd: (position) => parts.recent.isEnd(channel, position),
    read: ({ position, next }, signal) => {
      const forward = {
        from: { kind: "after", position },
        due: next.line,
        acceptedAtMs: next.acceptedAtMs,
      } as const;
      return readForward(parts, session, forward, signal);
    },
  };
}

const sessionOf = (spec: SessionSpec, transport: Transport, tellsProgress: boolean): Session => ({
  channel: spec.channel,
  filter: filterOf(spec),
  shape: { format: spec.format, transport },
  payer: { channel: spec.channel, as: "reader" },
  tellsProgress,
});

function beginningOf(
  { recent }: SessionParts,
  { payer, filter, tellsProgress }: Session,
  { lines, sinceMs = 0, untilMs }: SessionSpec,
  history: History,
  { after, due }: { readonly after: Position | undefined; readonly due: number | undefined },
): Beginning {
  if (after !== undefined)
    return { kind: "place", forward: { from: { kind: "after", position: after }, due } };
  const endLine = history.end.line;
  if (lines === undefined) {
    const from: From = { kind: "since", timeMs: sinceMs };
    if (!hasSince(history, sinceMs)) return { kind: "place", forward: { from }, looked: nothingLooked };
    return { kind: "place", forward: { from, censusLine: tellsProgress ? endLine : undefined } };
  }
  if ((filter === undefined && untilMs === undefined) || lines === 0) {
    const { from, due, looked } = newestLines(history, lines, sinceMs);
    return { kind: "place", forward: { from, due }, looked };
  }
  const acceptedMsMin = Math.max(sinceMs, recent.acceptedMsMin);
  return { kind: "search", wanted: { payer, filter: filter ?? allLines, lines, acceptedMsMin, endLine } };
}

// The newest lines before a place: with a filter they are searched for, otherwise just read.
async function readBefore(
  parts: SessionParts,
  session: Session,
  spec: SessionSpec,
  before: Position,
  end: ChannelEnd,
): Promise<ReadSession> {
  const { payer, filter, channel } = session;
  const { lines = 0, sinceMs = 0 } = spec;
  const endLine = await lineBefore(parts.log, channel, before, end);
  const acceptedMsMin = Math.max(sinceMs, parts.recent.acceptedMsMin);
  return async function* (signal) {
    if (endLine === "foreign") {
      yield replacedPart(parts, session);
    } else if (filter !== undefined && lines > 0) {
      const wanted = { payer, filter, lines, acceptedMsMin, endLine };
      yield* searchAndRead(parts, session, wanted, { position: before, line: endLine }, spec, signal);
    } else {
      const found = await newestBefore(parts, { channel, lines, acceptedMsMin, endLine }, signal);
      if (session.tellsProgress) yield searchedPart(found);
      yield* showFound(parts, session, found.numbers, [], before, signal);
    }
  };
}

// Reads the search, the lines that it found, and with `tail` the lines after `end`.
async function* searchAndRead(
  parts: SessionParts,
  session: Session,
  wanted: Wanted,
  end: ChannelEnd,
  { tail, around }: Pick<SessionSpec, "tail" | "around">,
  signal: AbortSignal,
): AsyncGenerator<TailPart, void, void> {
  const { position, line } = end;
  const { tellsProgress } = session;
  const searching = searchNewest(parts, wanted, signal);
  let next = await searching.next();
  for (; !next.done; next = await searching.next()) yield tellsProgress ? searchedPart(next.value) : tickPart;
  if (signal.aborted) return;
  const found = next.value;
  if (tellsProgress) yield searchedPart(found, around && found.numbers);
  const isNoticed = found.end === "time" && !tellsProgress;
  const first = isNoticed ? [incompleteText(found.lines, found.sinceMs)] : [];
  if (around === undefined) yield* showFound(parts, session, found.numbers, first, position, signal);
  else yield* showAround(parts, session, { numbers: found.numbers, around, first }, end, signal);
  if (tail && !signal.aborted)
    yield* readForward(parts, session, { from: { kind: "after", position }, due: line }, signal);
}

// Finds the newest lines in memory, which has as many as a session shows.
function newestLines(
  { batches, end }: History,
  lines: number,
  sinceMs: number,
): { readonly from: From; readonly due: number; readonly looked: Looked } {
  let wanted = lines;
  let first = batches.length;
  while (wanted > 0 && first > 0 && batches[first - 1]!.acceptedAtMs >= sinceMs)
    wanted -= batches[--first]!.count;
  const batch = batches[first];
  const skip = Math.max(0, -wanted);
  const shown = lines - Math.max(0, wanted);
  const looked: Looked = {
    lines: shown,
    sinceMs: batch?.acceptedAtMs,
    matches: shown,
    end: wanted > 0 ? "all" : "found",
  };
  return batch === undefined
    ? { from: { kind: "after", position: end.position }, due: end.line, looked }
    : { from: { kind: "after", position: positionIn(batch, skip) }, due: batch.line + skip, looked };
}

// Memory has only the newest lines, so older ones are searched for.
const allLines: LineFilter = { key: "all", keeps: () => true, expressions: [] };

// The end of the lines that were accepted up to `untilMs`.
async function endBefore(
  { log }: SessionParts,
  channel: ChannelId,
  history: History,
  untilMs: number,
): Promise<ChannelEnd> {
  if (!hasSince(history, untilMs + 1)) return history.end;
  const found = new AbortController();
  const from: From = { kind: "since", timeMs: untilMs + 1 };
  for await (const batch of log.follow(channel, from, found.signal, "present")) {
    found.abort();
    if (batch !== "foreign") return { position: positionIn(batch, 0), line: batch.line };
  }
  return history.end;
}

// Without a line there is nothing to count.
const nothingLooked: Looked = { lines: 0, sinceMs: undefined, matches: 0, end: "all" };

function hasSince({ batches }: History, timeMs: number): boolean {
  const newest = batches.at(-1);
  return newest !== undefined && newest.acceptedAtMs >= timeMs;
}

// URLs are made only for filters that compile.
function filterOf(spec: SessionSpec): LineFilter | undefined {
  const compiled = compileFilter(spec.filter);
  return compiled.kind === "filter" ? compiled.filter : undefined;
}
