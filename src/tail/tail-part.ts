/** What a reader of a log is handed, piece by piece, and what all who make such pieces need. */
import { formatBatch, type Shape } from "../core/format.ts";
import type { ChannelId } from "../core/ids.ts";
import type { LineFilter } from "../core/line-filter.ts";
import { l11Replaced, noticeLine, replacedText } from "../core/notice.ts";
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

/** What all sessions of a server share, within these bounds. */
export const sessionParts = (
  given: Pick<SessionParts, "log" | "recent" | "clock" | "selector">,
  limits: SearchesLimits & { readonly formatsBytesMax: number; readonly piecesBytesMax: number },
): SessionParts => ({
  ...given,
  formats: new FormatCache({ bytesMax: limits.formatsBytesMax }),
  pieces: new Pieces(limits.piecesBytesMax),
  searches: new Searches(limits),
});

/** What does not change while a session is read. */
export type Session = {
  readonly channel: ChannelId;
  readonly shape: Shape;
  readonly filter: LineFilter | undefined;
  /** Whose time the patterns take. */
  readonly payer: Payer;
  /** The reader asked to be told how much of the log was looked at. */
  readonly tellsProgress: boolean;
};

/**
 * A stretch of what a reader gets; `count` is 0 where the filter kept no line. All before `position` is told; without
 * one the place is as it was.
 */
export type TailPart = {
  readonly bytes: Buffer;
  readonly count: number;
  readonly position: Position | undefined;
};

const noticePri = 172; // local5.warning, as L10
const nothing = Buffer.alloc(0);

/** Nothing yet, but it goes on. */
export const tickPart: TailPart = { bytes: nothing, count: 0, position: undefined };

/** All before `position` is told. */
export const placePart = (position: Position): TailPart => ({ bytes: nothing, count: 0, position });

/** How far a search is, as an event without an id: the reader's place is as it was. */
export function searchedPart({ lines, sinceMs, matches, end }: Looked): TailPart {
  const since = sinceMs === undefined ? null : new Date(sinceMs).toISOString();
  const data = JSON.stringify({ lines, since, matches, end });
  return { bytes: Buffer.from(`event: searched\ndata: ${data}\n\n`), count: 0, position: undefined };
}

/** A line that is this reader's alone; all before `position` is told. */
export function noticePart(
  { clock }: Pick<SessionParts, "clock">,
  { shape }: Session,
  text: string,
  position: Position,
): TailPart {
  const notice = noticeLine(noticePri, clock.nowMs(), text);
  return { ...formatBatch({ ...notice, at: position }, shape), position };
}

/** What the reader had read is of another log. Events say so to programs; a reader of plain lines gets a line. */
export function replacedPart(parts: Pick<SessionParts, "clock">, session: Session): TailPart {
  if (session.shape.transport !== "events") return noticePart(parts, session, l11Replaced, origin);
  const event = `event: log-replaced\nid: ${origin}\ndata: ${replacedText}\n\n`;
  return { bytes: Buffer.from(event), count: 0, position: origin };
}
