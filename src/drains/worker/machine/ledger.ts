/**
 * Counts lines in a drain's checkpoint. Each line of the channel is counted exactly once: `line - start = delivered +
 * refused + lost + filtered`.
 */
import assert from "node:assert";
import { rateAfter } from "../../../core/records/rate.ts";
import type { DrainCheckpoint } from "../../../registry/drain-checkpoint.ts";
import type { CutRange } from "../parcel.ts";
import { type DeliveryRange, type LinePlace, type Redelivery, rangeAfter } from "./ranges.ts";

/**
 * The delivered and refused lines of a cut; its `filtered` are the others. `isTaken`: the destination accepted the
 * parcel.
 */
export type Settled = { readonly delivered: number; readonly refused: number; readonly isTaken?: true };
type Mutable<Of> = { -readonly [Key in keyof Of]: Of[Key] };

/** The checkpoint after the lines of `cut`, at the beginning of `range`, are counted. */
export function settled(
  checkpoint: DrainCheckpoint,
  range: DeliveryRange,
  cut: CutRange,
  { delivered, refused, isTaken }: Settled,
  nowMs: number,
): DrainCheckpoint {
  // One copy for all changes, since each parcel makes one.
  const next: Mutable<DrainCheckpoint> = { ...checkpoint };
  if (delivered > 0) next.rate = rateAfter(checkpoint.rate, delivered, nowMs);
  if (isTaken) tookLines(next, nowMs);
  if (range.kind === "live") {
    next.position = cut.end;
    next.line = cut.endLine;
    next.delivered += delivered;
    next.refused += refused;
    next.filtered += cut.filtered;
    return next;
  }
  next.replayed += delivered;
  const left = rangeAfter(range, { position: cut.end, line: cut.endLine }, delivered);
  return advanced(next, range, left, delivered);
}

// The destination accepts lines: since now, unless it did before.
function tookLines(checkpoint: Mutable<DrainCheckpoint>, nowMs: number): void {
  const deliveredAt = timeInWords(nowMs);
  checkpoint.deliveredAt = deliveredAt;
  checkpoint.failing = undefined;
  checkpoint.wellSince ??= deliveredAt;
}

const last = { nowMs: Number.NaN, words: "" };

// The same text for all drains that delivered in a millisecond.
function timeInWords(nowMs: number): string {
  if (nowMs !== last.nowMs) {
    last.words = new Date(nowMs).toISOString();
    last.nowMs = nowMs;
  }
  return last.words;
}

/**
 * The checkpoint when `left` remains of `range`, whose lines were counted before; `sent` of them went to the
 * destination.
 */
export function advanced<Range extends DeliveryRange>(
  checkpoint: DrainCheckpoint,
  range: Range,
  left: Range,
  sent = 0,
): DrainCheckpoint {
  const isOver = left.line >= left.endLine;
  if (left.kind === "replay") {
    const { id, line, endLine, position } = left;
    const before = checkpoint.replay?.id === id ? checkpoint.replay.progress : undefined;
    const { firstLine, sent: sentBefore } = before ?? { firstLine: range.line, sent: 0 };
    const progress = { firstLine, line: Math.min(line, endLine), endLine, sent: sentBefore + sent };
    return { ...checkpoint, replay: { id, ...(!isOver && { position }), progress } };
  }
  if (left.kind !== "redelivery") return checkpoint;
  const [first, ...others] = checkpoint.unconfirmed ?? [];
  // A break brought more back in the meantime: then all of it is sent again.
  if (first?.line !== range.line || first.endLine !== range.endLine) return checkpoint;
  const { position, line, endLine, counted } = left;
  const unconfirmed = isOver ? others : [{ position, line, endLine, counted }, ...others];
  return { ...checkpoint, unconfirmed: unconfirmed.length === 0 ? undefined : unconfirmed };
}

/** The lines from the cursor to `place` were trimmed. */
export const lost = (checkpoint: DrainCheckpoint, { position, line }: LinePlace): DrainCheckpoint => ({
  ...checkpoint,
  position,
  line,
  lost: checkpoint.lost + (line - checkpoint.line),
});

/**
 * Unconfirmed lines, from the beginning of `range` to `place`, were trimmed: those that were counted in `delivered`
 * count as lost instead. `missing`: their number.
 */
export function lostUnconfirmed(
  checkpoint: DrainCheckpoint,
  range: Redelivery,
  place: LinePlace,
): { readonly checkpoint: DrainCheckpoint; readonly left: Redelivery; readonly missing: number } {
  const endLine = Math.min(place.line, range.endLine);
  const missing = Math.min(endLine - range.line, range.counted, checkpoint.delivered);
  const left = rangeAfter(range, { position: place.position, line: endLine }, missing);
  return {
    checkpoint: {
      ...advanced(checkpoint, range, left),
      delivered: checkpoint.delivered - missing,
      lost: checkpoint.lost + missing,
    },
    left,
    missing,
  };
}

/** The channel has another log than before, which begins at `oldest`: counting continues from there. */
export function beganAgain(checkpoint: DrainCheckpoint, oldest: LinePlace): DrainCheckpoint {
  const { delivered, refused, lost: gone, filtered } = checkpoint;
  const startLine = oldest.line - (delivered + refused + gone + filtered);
  return { ...checkpoint, ...oldest, startLine, unconfirmed: undefined };
}

/** Throws when a line was counted twice, or not at all. */
export function assertAddsUp(checkpoint: DrainCheckpoint, recordStartLine: number): void {
  const { line, startLine = recordStartLine, delivered, refused, lost: gone, filtered } = checkpoint;
  assert.equal(line - startLine, delivered + refused + gone + filtered, "the ledger adds up");
}
