/**
 * Handles lines that a destination refuses: a line sent alone is tried a few times and then passed over, so that its
 * neighbours arrive. Pure.
 */
import type { Verdict } from "../../../ports.ts";
import type { CutRange } from "../parcel.ts";
import { hold } from "./batcher.ts";
import type { DeliveryRules, Effect, EventOf } from "./delivery-types.ts";
import type { Setback } from "./setbacks.ts";
import { type Left, settle, withError } from "./settle.ts";
import { heldEffects, notify, recordSoon } from "./transitions.ts";
import type { UnderWay } from "./under-way.ts";

/** A destination that has refused this many lines in a row, each alone, is treated as if it were down. */
const skippedInRowMax = 10;

export type VerdictEvent = EventOf<"verdict">;

/** The drain after a verdict, what to do next, and why it failed, if it did. */
export type Weighed = Left & { readonly effects: readonly Effect[]; readonly setback?: Setback };

/** The line was refused alone: it is tried again unchanged, or passed over. */
export function onRefusedAlone(
  state: UnderWay,
  cut: CutRange,
  { reason, cause }: Verdict & { kind: "refused" },
  event: VerdictEvent,
  { limits }: DeliveryRules,
): Weighed {
  const { memory, range } = state;
  const refusals = memory.sizing.refusals + 1;
  if (refusals >= limits.refusalsMax) return skipped(state, cut, reason, event);
  const sizing = { ...hold(memory.sizing, range, cut), refusals };
  const setback = { reason: explained(memory.skippedInRow, reason), cause, isNews: refusals === 1 };
  return { memory: { ...memory, sizing }, range, effects: heldEffects(range, cut), setback };
}

/**
 * The destination does not accept this line even alone, so it is passed over. A destination that accepts no lines is
 * left alone for longer and longer, so that the lines that follow are still there when its owner has mended it.
 */
export function skipped(state: UnderWay, cut: CutRange, reason: string, event: VerdictEvent): Weighed {
  const { memory, range } = settle(state, cut, { delivered: 0, refused: 1 }, event);
  const skippedInRow = memory.skippedInRow + 1;
  const words = explained(skippedInRow, reason);
  return {
    memory: {
      ...memory,
      checkpoint: {
        ...withError(memory.checkpoint, words, event.nowMs),
        failing: undefined,
        wellSince: undefined,
      },
      failures: skippedInRow < skippedInRowMax ? 0 : memory.failures,
      skippedInRow,
    },
    range,
    effects: [recordSoon, ...notifyRefused(1, cut, words, event)],
  };
}

/**
 * Tells the owner about refused lines, but not about refused notices: the next notice would tell of this one, for ever.
 */
export const notifyRefused = (
  lines: number,
  cut: CutRange,
  reason: string,
  { isNotices }: VerdictEvent,
): readonly Effect[] =>
  isNotices ? [] : [notify({ kind: "refused", lines, sinceMs: cut.firstAcceptedAtMs, reason })];

const explained = (skippedInRow: number, reason: string): string =>
  skippedInRow < skippedInRowMax
    ? reason
    : `it refused the last ${skippedInRow} lines, each alone: ${reason}`;
