/**
 * The progress of a drain: the record at `drain-state/ID`, written by the drain's worker alone. Another version of the
 * program may have written it, so it is checked when it is read; a record without a `version` is of 0.1.
 */
import { type Position, parsePosition } from "../core/position.ts";
import type { Rate } from "../core/rate.ts";
import { drainStateUnreadable } from "../errors.ts";
import type { DrainRecord } from "./records.ts";

const version = 2;

/** Lines from `line`, at `position`, up to `endLine`. */
export type Stretch = {
  readonly position: Position;
  readonly line: number;
  readonly endLine: number;
  /** How many of these lines stand in `delivered`: the others were filtered, refused or lost. */
  readonly counted: number;
};

/**
 * `line - start = delivered + refused + lost + filtered`, always: they change in one put. `start` is `startLine`, or else
 * the record's `start.line`.
 */
export type DrainCheckpoint = {
  readonly version: typeof version;
  readonly position: Position;
  /** The channel's running number of the next line to send. */
  readonly line: number;
  /**
   * Set when the app's log was replaced: the line that the counts begin at, among the line numbers of the log that is
   * there now.
   */
  readonly startLine?: number;
  readonly delivered: number;
  readonly refused: number;
  readonly lost: number;
  readonly filtered: number;
  /** Lines sent once more, by `replay` or since they were unconfirmed; in no other count. */
  readonly replayed: number;
  readonly deliveredAt?: string;
  /** The rate of delivered lines, those of a replay included. */
  readonly rate?: Rate;
  /** Set since the last attempt failed: the next one comes not before then, and then in its turn. */
  readonly failing?: { readonly nextAttemptAt: string } | undefined;
  readonly lastError?: { readonly at: string; readonly message: string };
  /** The lease under which it was written, where nodes share the drains. None replaces one of a later lease. */
  readonly lease?: number;
  /**
   * Greater than `line` while a parcel is under way: the parcel that begins there ends before this line, whoever sends
   * it again.
   */
  readonly parcelEnd?: number | undefined;
  /** When the owner was last told that the destination's certificate ends soon. */
  readonly expiryToldAtMs?: number;
  /** Set while a replay runs: it is at `position` and ends at the cursor. `id` of the last one, done or not. */
  readonly replay?: { readonly id: string; readonly position?: Position };
  /**
   * Delivered lines that may not have arrived, as the connection broke soon after. They are sent before all others. In
   * order, disjoint.
   */
  readonly unconfirmed?: readonly Stretch[] | undefined;
};

export const checkpointKey = (drain: { readonly id: string }): string => `drain-state/${drain.id}`;

/** The checkpoint of a drain that never ran. */
export const firstCheckpoint = ({ start }: Pick<DrainRecord, "start">): DrainCheckpoint => ({
  version,
  position: start.position,
  line: start.line,
  delivered: 0,
  refused: 0,
  lost: 0,
  filtered: 0,
  replayed: 0,
});

/** The stored checkpoint in today's form; the first one when nothing was stored. Throws `drainStateUnreadable`. */
export function readCheckpoint(stored: unknown, drain: Pick<DrainRecord, "id" | "start">): DrainCheckpoint {
  if (stored === undefined) return firstCheckpoint(drain);
  const found = stored as Partial<DrainCheckpoint> & Of01;
  const flaw = flawOf(found, drain);
  if (flaw !== undefined) throw drainStateUnreadable(drain.id, flaw);
  return found.version === version ? (found as DrainCheckpoint) : upgraded(found as Of01 & DrainCheckpoint);
}

/** The fields of 0.1 that are different today. */
type Of01 = {
  readonly phase?: "idle" | "delivering" | "retrying";
  readonly nextAttemptAt?: string;
  readonly doubt?: Stretch;
};

function upgraded({ phase, nextAttemptAt, doubt, ...rest }: Of01 & DrainCheckpoint): DrainCheckpoint {
  return {
    ...rest,
    version,
    replayed: rest.replayed ?? 0,
    ...(phase === "retrying" && { failing: { nextAttemptAt: nextAttemptAt ?? new Date(0).toISOString() } }),
    ...(doubt && { unconfirmed: [doubt] }),
  };
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isPosition = (value: unknown): boolean =>
  typeof value === "string" && parsePosition(value) !== undefined;
const isTime = (value: unknown): boolean => typeof value === "string" && !Number.isNaN(Date.parse(value));

/** The reason why it is no checkpoint of the drain, in words; undefined when it is one. */
function flawOf(
  found: Partial<DrainCheckpoint> & Of01,
  { start }: Pick<DrainRecord, "start">,
): string | undefined {
  if (typeof found !== "object" || found === null) return "it is no object";
  const { version: written = version, startLine = start.line } = found;
  const { line, delivered, refused, lost, filtered, replayed = 0 } = found;
  if (written !== version) return `it is of version ${written}, and this program reads ${version}`;
  if (!isPosition(found.position)) return "its position is none";
  if (![line, delivered, refused, lost, filtered, replayed].every(isCount)) return "a count is none";
  if (line! - startLine !== delivered! + refused! + lost! + filtered!) return "its counts do not add up";
  const { failing, nextAttemptAt, replay, unconfirmed = found.doubt && [found.doubt] } = found;
  const times = [failing?.nextAttemptAt, nextAttemptAt, found.deliveredAt, found.lastError?.at];
  if (!times.every((time) => time === undefined || isTime(time))) return "a time is none";
  if (replay?.position !== undefined && !isPosition(replay.position)) return "its replay has no place";
  if (unconfirmed !== undefined && !(Array.isArray(unconfirmed) && unconfirmed.every(isStretch(line!))))
    return "its unconfirmed lines are none";
  return undefined;
}

const isStretch =
  (cursorLine: number) =>
  ({ position, line, endLine, counted }: Stretch): boolean =>
    isPosition(position) &&
    [line, endLine, counted].every(isCount) &&
    line < endLine &&
    endLine <= cursorLine;
