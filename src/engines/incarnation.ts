/**
 * Positions name their log. Each life of a channel gives its log a new name, so that an app that was created again,
 * another folder and another cluster can be told apart. A log that lost its end (a restored backup, a server that
 * lost what it had not synced) keeps its name and puts other batches at the same places; those are told apart by
 * their marks.
 */
import { randomBytes } from "node:crypto";
import { markOf, type StoredBatch } from "../core/batch/batch.ts";
import { type Place, type Position, readPosition } from "../core/position.ts";

const logIdChars = 6;

/** A name for a log of many channels: 6 characters, chosen when the log is created. */
export function newLogId(): string {
  const number = randomBytes(4).readUInt32BE(0) % 36 ** logIdChars;
  return number.toString(36).padStart(logIdChars, "0");
}

/** The name of one life of a channel; no other life in this log has the same `number`. */
export const incarnationOf = (logId: string, number: number): string => `${logId}${number.toString(36)}`;

/** True for the place before every line, in any log. */
export const isOrigin = ({ sequence, lines }: Place): boolean => sequence === 0 && lines === 0;

/** Facts about a channel's log that show whether a place belongs to it. */
type Known = {
  readonly incarnation: string;
  readonly end: Position;
  /** The batch at the place's sequence. */
  readonly at: StoredBatch | undefined;
  /** The oldest batch that is left. */
  readonly oldest: StoredBatch | undefined;
};

/** True when the channel's log, as it is now, never had this place. What was there may have been trimmed. */
export function isForeign(place: Place, { incarnation, end, at, oldest }: Known): boolean {
  const { sequence, lines, mark, line } = place;
  if (isOrigin(place)) return false;
  if (place.incarnation !== undefined && place.incarnation !== incarnation) return true;
  if (at !== undefined) return lines > at.count || (mark !== undefined && mark !== markOf(at));
  // Numbers only rise: who has had later ones than the oldest that is left read another log.
  if (line !== undefined && oldest !== undefined && oldest.line < line + lines) return true;
  const last = readPosition(end);
  if (last === undefined) throw new TypeError("not a position");
  if (sequence > last.sequence) return true;
  // If everything was trimmed, the end still names its batch.
  if (sequence === last.sequence && lines > last.lines) return true;
  if (sequence === last.sequence && mark !== undefined && last.mark !== undefined) return mark !== last.mark;
  // Retention removes the oldest lines first, and nothing was removed before line 0.
  return oldest !== undefined && (oldest.sequence < sequence || oldest.line === 0);
}
