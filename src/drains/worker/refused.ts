/**
 * Handles lines that a destination refuses: a line sent alone is tried a few times and then passed, so that its
 * neighbours arrive. Pure.
 */
import type { Verdict } from "../../ports.ts";
import { hold } from "./batcher.ts";
import type { DeliveryRules, Effect, EventOf } from "./delivery-types.ts";
import { notify, recordSoon } from "./moves.ts";
import type { CutRange } from "./parcel.ts";
import type { DeliveryRange } from "./ranges.ts";
import type { Setback } from "./setbacks.ts";
import { type Left, settle, withError } from "./settle.ts";
import type { UnderWay } from "./under-way.ts";

/** A destination that refused so many lines in a row, each alone, is waited for as one that is down. */
const skippedInRowMax = 10;

export type VerdictEvent = EventOf<"verdict">;

/** The drain after a verdict, what has to be done, and why it failed, if it did. */
export type Weighed = Left & { readonly effects: readonly Effect[]; readonly setback?: Setback };

/** The line was refused alone: it is tried again as it was, or passed. */
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
  return { memory: { ...memory, sizing }, range, effects: held(range, cut), setback };
}

/**
 * The destination does not take this line, though it came alone: it is passed. A destination that takes none is left
 * alone for longer and longer, so that the lines behind are there still when its owner has mended that.
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
    effects: [recordSoon, ...told(1, cut, words, event)],
  };
}

/** A parcel of live lines is sent again as it was, whoever runs the drain then; others are cut anew by another node. */
export const held = ({ kind }: DeliveryRange, { endLine }: CutRange): readonly Effect[] =>
  kind === "live" ? [{ kind: "hold", endLine }] : [];

/** A parcel of live lines is sent in parts: the end that another node may know of it is void. */
export const unheld = ({ kind }: DeliveryRange): readonly Effect[] =>
  kind === "live" ? [{ kind: "unhold" }] : [];

/** A notice that is refused, as the lines before it were, would be told by the next one, for ever. */
export const told = (
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
