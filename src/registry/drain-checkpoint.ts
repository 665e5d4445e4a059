/**
 * The progress of a drain: the record at `drain-state/ID`, written by the drain's worker alone. Another version of the
 * program may have written it, so it is checked when it is read; a record without a `version` is of 0.1.
 */

import type { Position } from "../core/position.ts";
import type { FailureCause } from "../core/records/failure-cause.ts";
import type { Rate } from "../core/records/rate.ts";
import {
  hasFields,
  inWords,
  isCount,
  isListOf,
  isNumber,
  isPosition,
  isText,
  isTime,
  ofVersion,
} from "../core/records/record-shape.ts";
import { drainStateUnreadable } from "../errors/drains.ts";
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

/** A replay from `firstLine` up to `endLine`: `line` is the next one to go through, `sent` of those before it were delivered. */
export type ReplayProgress = {
  readonly firstLine: number;
  readonly line: number;
  readonly endLine: number;
  readonly sent: number;
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
  readonly failing?: { readonly nextAttemptAt: string; readonly cause?: FailureCause } | undefined;
  readonly lastError?: { readonly at: string; readonly message: string };
  /** When the destination took lines again behind its last failure, or for the first time; unset while it fails. */
  readonly wellSince?: string | undefined;
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
  readonly replay?: {
    readonly id: string;
    readonly position?: Position;
    readonly progress?: ReplayProgress;
  };
  /**
   * Delivered lines that may not have arrived, as the connection broke soon after. They are sent before all others. In
   * order, disjoint.
   */
  readonly unconfirmed?: readonly Stretch[] | undefined;
};

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
  const flaw = flawOf(stored, drain);
  if (flaw !== undefined) throw drainStateUnreadable(drain.id, flaw);
  const found = stored as DrainCheckpoint & Of01;
  return found.version === version ? found : upgraded(found);
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

const isStretch = hasFields({ position: isPosition, line: isCount, endLine: isCount, counted: isCount });
const isProgress = hasFields({ firstLine: isCount, line: isCount, endLine: isCount, sent: isCount });
const isCheckpoint = ofVersion(
  version,
  hasFields(
    {
      position: isPosition,
      line: isCount,
      delivered: isCount,
      refused: isCount,
      lost: isCount,
      filtered: isCount,
    },
    {
      version: isCount,
      startLine: isNumber,
      replayed: isCount,
      deliveredAt: isTime,
      rate: hasFields({ perSecond: isNumber, atMs: isNumber }),
      failing: hasFields({ nextAttemptAt: isTime }, { cause: isText }),
      lastError: hasFields({ at: isTime, message: isText }),
      lease: isNumber,
      parcelEnd: isCount,
      expiryToldAtMs: isNumber,
      wellSince: isTime,
      replay: hasFields({ id: isText }, { position: isPosition, progress: isProgress }),
      unconfirmed: isListOf(isStretch),
      nextAttemptAt: isTime,
      doubt: isStretch,
    },
  ),
  { unnamed: version },
);

/** The reason why it is no checkpoint of the drain, in words; undefined when it is one. */
function flawOf(stored: unknown, { start }: Pick<DrainRecord, "start">): string | undefined {
  const flaw = isCheckpoint(stored);
  if (flaw !== undefined) return inWords(flaw);
  const found = stored as DrainCheckpoint & Of01;
  const { line, delivered, refused, lost, filtered, startLine = start.line } = found;
  if (line - startLine !== delivered + refused + lost + filtered) return "its counts do not add up";
  const stretches = found.unconfirmed ?? (found.doubt ? [found.doubt] : []);
  const isSound = stretches.every((each) => each.line < each.endLine && each.endLine <= line);
  return isSound ? undefined : "its unconfirmed lines are none of those that were sent";
}
