/** The pieces that a reader of a log receives, and the parts that all makers of such pieces share. */

import { l11Replaced, noticeLine, replacedText } from "../core/batch/notice.ts";
import type { LineFilter } from "../core/filter/line-filter.ts";
import { type Formatted, formatBatch, type Selection, type Shape } from "../core/format/format.ts";
import type { ChannelId } from "../core/ids.ts";
import { origin, type Position } from "../core/position.ts";
import type { Payer, Selector } from "../patterns/selector.ts";
import type { ChannelLog, Clock } from "../ports.ts";
import { FormatCache } from "./format-cache.ts";
import { Pieces } from "./found-pieces.ts";
import type { Recent } from "./recent.ts";
import type { Looked } from "./search.ts";
import { Searches, type SearchesLimits } from "./searches.ts";

export type SessionParts = {
  readonly log: ChannelLog;
  readonly recent: Recent;
  readonly formats: FormatCache;
  readonly clock: Clock;
  readonly selector: Selector;
  readonly searches: Searches;
  readonly pieces: Pieces;
};

/** The parts that all sessions of a server share, within these bounds. */
export const sessionParts = (
  given: Pick<SessionParts, "log" | "recent" | "clock" | "selector">,
  limits: SearchesLimits & { readonly formatsBytesMax: number; readonly piecesBytesMax: number },
): SessionParts => ({
  ...given,
  formats: new FormatCache({ bytesMax: limits.formatsBytesMax }),
  pieces: new Pieces(limits.piecesBytesMax),
  searches: new Searches(limits),
});

/** The facts of a session that do not change while it is read. */
export type Session = {
  readonly channel: ChannelId;
  readonly shape: Shape;
  readonly filter: LineFilter | undefined;
  /** The payer for the time that its patterns take. */
  readonly payer: Payer;
  /** True when the reader asked how much of the log was looked at. */
  readonly tellsProgress: boolean;
};

/**
 * A piece of the stream; `count` is 0 if the filter kept no line. Everything before `position` has been told; without
 * it, the reader's place has not changed.
 */
export type TailPart = {
  readonly bytes: Buffer;
  readonly count: number;
  readonly position: Position | undefined;
  /** Set when the reader needs nothing more before the lines that follow the part. */
  readonly next?: NextLine | undefined;
  /** True when the next part goes on with the same line: nothing may come in between. */
  readonly isCut?: boolean | undefined;
  /** The lines that it was made of, which its maker holds until the next part is pulled. */
  readonly of?: Uint8Array | undefined;
};

/** The line after a part: its running number, if known, and when the newest line before it was accepted. */
export type NextLine = { readonly line: number | undefined; readonly acceptedAtMs: number };

const noticePri = 172; // local5.warning, as L10
const nothing = Buffer.alloc(0);

/**
 * The selected lines of a batch, as `formats.get` takes them, piece by piece, each made when it is pulled: parts without
 * a position, and the last one, after which `told` is true. The result is how many lines all of them have. It is not for
 * the caller to have a piece: a generator holds what its variables had last, for as long as its client stalls.
 */
export async function* inPieces(
  { formats }: Pick<SessionParts, "formats">,
  [batch, shape, selection, filter]: Readonly<Parameters<FormatCache["get"]>>,
  told: Pick<TailPart, "position" | "next">,
): AsyncGenerator<TailPart, number, void> {
  const of = batch.bytes;
  let count = 0;
  for (let place: Selection = selection; ; ) {
    const making = formats.get(batch, shape, place, filter);
    const { rest, ...piece }: Formatted = making instanceof Promise ? await making : making;
    count += piece.count;
    if (rest === undefined) yield { ...piece, ...told, of };
    else yield { ...piece, position: undefined, isCut: rest.byte !== undefined, of };
    if (rest === undefined) return count;
    place = { ...selection, ...rest };
  }
}

/** Says that reading goes on, though there is nothing yet. */
export const tickPart: TailPart = { bytes: nothing, count: 0, position: undefined };

/** Says that everything before `position` has been told. */
export const placePart = (position: Position): TailPart => ({ bytes: nothing, count: 0, position });

/**
 * The progress of a search as an event without an id: the reader's place has not changed. `found`: the numbers of the
 * lines that matched, for readers who get their neighbours too.
 */
export function searchedPart({ lines, sinceMs, matches, end }: Looked, found?: Iterable<number>): TailPart {
  const since = sinceMs === undefined ? null : new Date(sinceMs).toISOString();
  const data = JSON.stringify({ lines, since, matches, end, found: found && [...found] });
  return { bytes: Buffer.from(`event: searched\ndata: ${data}\n\n`), count: 0, position: undefined };
}

/** Says that lines are left out here, if the form has a way to say it. */
export function gapPart({ shape }: Session): TailPart {
  const text =
    shape.transport === "events" ? "event: gap\ndata: --\n\n" : shape.format === "json" ? "" : "--\n";
  return { bytes: Buffer.from(text), count: 0, position: undefined };
}

/** Tells a reader of events where a history ended if there is no line to show it: the reader continues from there. */
export function lastPart({ shape }: Session, position: Position): TailPart {
  const bytes = shape.transport === "events" ? Buffer.from(`id: ${position}\n\n`) : nothing;
  return { bytes, count: 0, position };
}

/** A line for this reader only. Everything before `position` has been told. */
export function noticePart(
  { clock }: Pick<SessionParts, "clock">,
  { shape }: Session,
  text: string,
  position: Position,
): TailPart {
  const notice = noticeLine(noticePri, clock.nowMs(), text);
  return { ...formatBatch({ ...notice, at: position }, shape), position };
}

/** Says that the reader had been reading another log: an event for programs, a line for readers of plain lines. */
export function replacedPart(parts: Pick<SessionParts, "clock">, session: Session): TailPart {
  if (session.shape.transport !== "events") return noticePart(parts, session, l11Replaced, origin);
  const event = `event: log-replaced\nid: ${origin}\ndata: ${replacedText}\n\n`;
  return { bytes: Buffer.from(event), count: 0, position: origin };
}
