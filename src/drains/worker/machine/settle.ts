/** Counts a parcel's lines in the ledger and moves the range past them. Pure. */
import type { DrainCheckpoint } from "../../../registry/drain-checkpoint.ts";
import type { CutRange } from "../parcel.ts";
import { passed } from "./batcher.ts";
import type { DeliveryEvent, Effect, Flight, Memory } from "./delivery-types.ts";
import { type Settled, settled } from "./ledger.ts";
import { type DeliveryRange, rangeAfter } from "./ranges.ts";
import { withDelivered } from "./unconfirmed.ts";

const nothing: readonly Effect[] = [];
const rest: readonly Effect[] = [{ kind: "rest" }];

type Times = Pick<DeliveryEvent, "nowMs" | "monotonicMs">;
export type Left = { readonly memory: Memory; readonly range: DeliveryRange };

/** Settles every line of `cut`, which is the beginning of `range`. */
export function settle({ memory, range }: Left, cut: CutRange, counts: Settled, at: Times): Left {
  const { delivered, isTaken } = counts;
  const { position, line, kind } = range;
  const stretch = { position, line, endLine: cut.endLine, counted: kind === "replay" ? 0 : delivered };
  return {
    memory: {
      ...memory,
      checkpoint: settled(memory.checkpoint, range, cut, counts, at.nowMs),
      recent: delivered > 0 ? withDelivered(memory.recent, stretch, at.monotonicMs) : memory.recent,
      sizing: passed(memory.sizing, range, cut.endLine),
      settledAtMs: kind === "live" ? cut.finalAcceptedAtMs : memory.settledAtMs,
      failures: isTaken ? 0 : memory.failures,
      isTrusted: isTaken ?? memory.isTrusted,
      skippedInRow: isTaken ? 0 : memory.skippedInRow,
    },
    range: rangeAfter(range, { position: cut.end, line: cut.endLine }, delivered),
  };
}

/** Settles a `cut` of which the filter kept no line. */
export const settleFiltered = (left: Left, cut: CutRange, at: Times): Left =>
  settle(left, cut, { delivered: 0, refused: 0 }, at);

/**
 * When nothing is under way, others may ask for the slot; a failing drain gives its slot back, because it may be long
 * before more lines come.
 */
export function resting(
  memory: Memory,
  others: readonly Flight[],
): { memory: Memory; effects: readonly Effect[] } {
  if (!memory.hasSlot || others.some(({ stage }) => stage !== "preparing"))
    return { memory, effects: nothing };
  if (memory.failures === 0) return { memory, effects: rest };
  return { memory: { ...memory, hasSlot: false }, effects: [{ kind: "release" }] };
}

export const withError = (checkpoint: DrainCheckpoint, message: string, nowMs: number): DrainCheckpoint => ({
  ...checkpoint,
  lastError: { at: new Date(nowMs).toISOString(), message },
});
