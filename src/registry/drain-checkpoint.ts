/**
 * The progress of a drain: the record at `drain-state/ID`, which only the drain's worker writes. Another version of
 * the program may have written it, so it is checked when it is read; a record without a `version` is from 0.1.
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
  /** The number of these lines that were counted in `delivered`; the others were filtered, refused or lost. */
  readonly counted: number;
};

/**
 * A replay from `firstLine` to `endLine`. `line` is the next one to go through; `sent` of those before it were
 * delivered.
 */
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
  /** Set when the app's log was replaced: the line at which the counts begin, in the numbers of the present log. */
  readonly startLine?: number;
  readonly delivered: number;
  readonly refused: number;
  readonly lost: number;
  readonly filtered: number;
  /** Lines that were sent again, by `replay` or because they were unconfirmed; they are in no other count. */
  readonly replayed: number;
  readonly deliveredAt?: string;
  /** The rate of delivered lines, including those of a replay. */
  readonly rate?: Rate;
  /** Set while the last attempt failed: the next one comes at this time or later, when it is its turn. */
  readonly failing?: { readonly nextAttemptAt: string; readonly cause?: FailureCause } | undefined;
  readonly lastError?: { readonly at: string; readonly message: string };
  /**
   * When the destination accepted lines again after its last failure, or for the first time; unset while it fails.
   */
  readonly wellSince?: string | undefined;
  /** The lease under which it was written, if nodes share the drains. It never replaces one of a later lease. */
  readonly lease?: number;
  /** Greater than `line` while a parcel is under way: that parcel ends before this line, whoever sends it again. */
  readonly parcelEnd?: number | undefined;
  /** When the owner was last told that the destination's certificate ends soon. */
  readonly expiryToldAtMs?: number;
  /**
   * Set while a replay runs, which is at `position` and ends at the cursor. `id`: of the last replay, finished or
   * not.
   */
  readonly replay?: {
    readonly id: string;
    readonly position?: Position;
    readonly progress?: ReplayProgress;
  };
  /**
   * Delivered lines that may not have arrived, because the connection broke soon after. They are sent before all
   * others. In order, disjoint.
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

/** The stored checkpoint in the present form; the first one if nothing was stored. Throws `drainStateUnreadable`. */
export function readCheckpoint(stored: unknown, drain: Pick<DrainRecord, "id" | "start">): DrainCheckpoint {
  if (stored === undefined) return firstCheckpoint(drain);
  const flaw = flawOf(stored, drain);
  if (flaw !== undefined) throw drainStateUnreadable(drain.id, flaw);
  const found = stored as DrainCheckpoint & Of01;
  return found.version === version ? found : upgraded(found);
}

/** The fields that were different in 0.1. */
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

/** Describes why this cannot be the drain's checkpoint; undefined if it can. */
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
