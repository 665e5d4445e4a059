/** Handles failed attempts and broken connections: waits grow, and unconfirmed lines come back. Pure. */
import type { FailureCause } from "../../../core/records/failure-cause.ts";
import { retryDelayMs } from "../../../core/scheduling/retry.ts";
import type { DrainCheckpoint } from "../../../registry/drain-checkpoint.ts";
import type { DeliveryEvent, DeliveryRules, Effect, Memory, Step } from "./delivery-types.ts";
import { nothingRecent, unconfirmedOf, union } from "./unconfirmed.ts";

/** A break later than this after the last one counts as the first again. */
const breaksMsMax = 120_000;

/** Why an attempt failed, and how long to wait at least. */
export type Setback = {
  /** Undefined: there is nothing to tell the owner. */
  readonly reason: string | undefined;
  /** Undefined: "other". */
  readonly cause?: FailureCause | undefined;
  readonly afterMs?: number;
  /** Whoever runs the drain next must know of it. */
  readonly isNews?: boolean;
};

/** Waits before the next attempt, longer each time, and holds no slot in the meantime. */
export function backOff(
  memory: Memory,
  { reason, cause, afterMs = 0, isNews = false }: Setback,
  { nowMs, monotonicMs, random }: DeliveryEvent,
  { limits }: DeliveryRules,
): Step {
  const delayMs = retryDelayMs(limits.retry, memory.failures, random) ?? limits.retry.delayMsMax;
  const ms = Math.max(delayMs, afterMs);
  const waiting = { ...memory, failures: memory.failures + 1, isTrusted: false, hasSlot: false };
  const failed =
    reason === undefined
      ? waiting
      : { ...waiting, checkpoint: failing(memory.checkpoint, { reason, cause }, nowMs, nowMs + ms) };
  const record: Effect = {
    kind: "record",
    within: isNews || memory.checkpoint.failing === undefined ? "moment" : "second",
  };
  return {
    state: { kind: "backing off", memory: failed, untilMonotonicMs: monotonicMs + ms },
    effects: [
      { kind: "let go" },
      { kind: "release" },
      ...(reason === undefined ? [] : [record]),
      { kind: "sleep", ms },
    ],
  };
}

const failing = (
  checkpoint: DrainCheckpoint,
  { reason, cause = "other" }: { readonly reason: string; readonly cause: FailureCause | undefined },
  nowMs: number,
  untilMs: number,
): DrainCheckpoint => ({
  ...checkpoint,
  failing: { nextAttemptAt: new Date(untilMs).toISOString(), cause },
  wellSince: undefined,
  lastError: { at: new Date(nowMs).toISOString(), message: reason },
});

/**
 * A break brings back what was delivered lately, and that is sent again first. Undefined when there has been no break.
 */
export function withBreak(memory: Memory, { monotonicMs }: DeliveryEvent): Memory | undefined {
  if (unconfirmedOf(memory.recent).length === 0) return undefined;
  const count = monotonicMs - memory.breaks.monotonicMs > breaksMsMax ? 1 : memory.breaks.count + 1;
  return { ...withRecentUnconfirmed(memory), breaks: { count, monotonicMs } };
}

/** Marks what was delivered lately as unconfirmed. */
export function withRecentUnconfirmed(memory: Memory): Memory {
  const unconfirmed = union(memory.checkpoint.unconfirmed ?? [], unconfirmedOf(memory.recent));
  if (unconfirmed.length === 0) return memory;
  return { ...memory, checkpoint: { ...memory.checkpoint, unconfirmed }, recent: nothingRecent };
}

/** How long to wait after this many breaks in a row, regardless of any other wait. */
export const breakDelayMs = (
  { breaks }: Memory,
  { random }: DeliveryEvent,
  { limits }: DeliveryRules,
): number => retryDelayMs(limits.retry, breaks.count - 1, random) ?? limits.retry.delayMsMax;
