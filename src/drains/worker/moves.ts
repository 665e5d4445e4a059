/** The moves that several transitions of `delivery-state.ts` share. Pure, as it is. */
import type { FailureCause } from "../../core/failure-cause.ts";
import { retryDelayMs } from "../../core/retry.ts";
import type { DrainCheckpoint } from "../../registry/drain-checkpoint.ts";
import { boundsOf, heldEndOf, passed, sizingFor, unsized } from "./batcher.ts";
import type {
  DeliveryEvent,
  DeliveryRules,
  DeliveryState,
  Effect,
  EventOf,
  Flight,
  Memory,
  Notice,
  StateOf,
  Step,
} from "./delivery-types.ts";
import { advanced, beganAgain, lost, lostUnconfirmed } from "./ledger.ts";
import { behind, type DeliveryRange, isPicked, type LinePlace, pickRange } from "./ranges.ts";
import { nothingRecent, unconfirmedOf, union } from "./unconfirmed.ts";
import { nextLine } from "./under-way.ts";

/** A connection that breaks later than this after the last break is the first to break again. */
const breaksMsMax = 120_000;
const logReplaced =
  "the app's log is not the one that was read before (another server, or a restored backup): the drain went on with its oldest line";

export const recordSoon: Effect = { kind: "record", within: "moment" };
const end: readonly Effect[] = [{ kind: "let go" }, { kind: "release" }, { kind: "end" }];

export const notify = (notice: Notice): Effect => ({ kind: "notify", notice });

/** Goes on with the range that comes next. A drain that fails waits for its slot before it reads anything. */
export function choose(memory: Memory): Step {
  if (memory.failures > 0 && !memory.hasSlot)
    return {
      state: { kind: "awaiting slot", memory, ready: undefined },
      effects: [takeSlot(memory)],
    };
  const choice = pickRange(memory.checkpoint, memory.asked);
  return {
    state: { kind: "looking", memory: { ...memory, sizing: sizingFor(memory.sizing, choice) }, choice },
    effects: [{ kind: "look", choice }],
  };
}

/** Waits for lines of `range`, reading ahead. */
export function follow(memory: Memory, range: DeliveryRange, { limits }: DeliveryRules): Step {
  const heldEnd = heldEndOf(memory.sizing, range);
  return {
    state: { kind: "idle", memory, range },
    effects: [
      {
        kind: "read",
        from: { position: range.position, line: range.line },
        bytesMax: memory.isProven || heldEnd !== undefined ? limits.readAheadBytesMax : limits.probeBytesMax,
        throughLine: heldEnd ?? 0,
      },
    ],
  };
}

/** Makes a parcel of the lines at hand, behind those under way. */
export function prepare(
  memory: Memory,
  range: DeliveryRange,
  inFlight: readonly Flight[],
  { monotonicMs }: DeliveryEvent,
  { limits, receiver }: DeliveryRules,
): Step {
  const { sizing, isProven } = memory;
  const number = memory.parcels + 1;
  const line = nextLine(range, inFlight);
  const isAlone = !isProven;
  const bounds = boundsOf(sizing, { range, isProven, monotonicMs, limits, receiver });
  const flight: Flight = { number, line, stage: "preparing", cut: undefined, isAlone };
  const counted = { ...memory, parcels: number };
  return {
    state: withFlights(counted, range, [...inFlight, flight]),
    effects: [{ kind: "prepare", number, line, range, bounds, isAlone }],
  };
}

export type PreparingState = StateOf<"preparing">;

/** With these parcels under way: while the only one is being prepared the slot may be asked for. */
export function withFlights(
  memory: Memory,
  range: DeliveryRange,
  inFlight: readonly Flight[],
): PreparingState | StateOf<"delivering"> {
  const [first] = inFlight;
  return first!.stage === "preparing"
    ? { kind: "preparing", memory, range, flight: first! }
    : { kind: "delivering", memory, range, inFlight, broke: undefined };
}

/** Waits for a slot, among those that fail or among the others. */
export const takeSlot = ({ failures }: Memory): Effect => ({
  kind: "take slot",
  queue: failures > 0 ? "failing" : "well",
});

/** Goes on with what is left of `range` when nothing is under way any more. */
export function resume(memory: Memory, range: DeliveryRange, wasAlone: boolean): Step {
  const isOver = range.line >= range.endLine;
  const picked = pickRange(memory.checkpoint, memory.asked);
  if (isOver || wasAlone || !isPicked(range, picked)) return choose(memory);
  return { state: { kind: "idle", memory, range }, effects: [] };
}

/** The lines of `range` before `place` are gone: each is counted, and told when it was not sent yet. */
export function lose(memory: Memory, range: DeliveryRange, place: LinePlace, rules: DeliveryRules) {
  const sizing = passed(memory.sizing, range, place.line);
  const { deliveredAt } = memory.checkpoint;
  const sinceMs = memory.settledAtMs ?? (deliveredAt ? Date.parse(deliveredAt) : rules.createdAtMs);
  if (range.kind === "live") {
    const effects = [recordSoon, notify({ kind: "lost", lines: place.line - range.line, sinceMs })];
    const checkpoint = lost(memory.checkpoint, place);
    return { memory: { ...memory, sizing, checkpoint }, range: behind(range, place, 0), effects };
  }
  if (range.kind === "redelivery") {
    const { checkpoint, left, missing } = lostUnconfirmed(memory.checkpoint, range, place);
    const told = missing > 0 ? [notify({ kind: "lost", lines: missing, sinceMs })] : [];
    return { memory: { ...memory, sizing, checkpoint }, range: left, effects: [recordSoon, ...told] };
  }
  return { memory: { ...memory, sizing }, range: behind(range, place, 0), effects: [] };
}

/**
 * The log is another one. What was to be sent once more is gone with the one before; the drain goes on with the oldest
 * line.
 */
export function beginAgain(
  memory: Memory,
  range: DeliveryRange,
  { place, nowMs }: EventOf<"log replaced">,
): Memory {
  const fresh = { ...memory, sizing: { ...unsized, split: memory.sizing.split }, recent: nothingRecent };
  if (range.kind !== "live")
    return { ...fresh, checkpoint: advanced(memory.checkpoint, range, { ...range, line: range.endLine }) };
  const lastError = { at: new Date(nowMs).toISOString(), message: logReplaced };
  return { ...fresh, checkpoint: { ...beganAgain(memory.checkpoint, place), lastError } };
}

/** Why an attempt failed, and how long it is to be waited at least. */
export type Setback = {
  /** Undefined: nothing to tell the owner. */
  readonly reason: string | undefined;
  /** Undefined: "other". */
  readonly cause?: FailureCause | undefined;
  readonly afterMs?: number;
  /** Whoever runs the drain next has to know of it. */
  readonly isNews?: boolean;
};

/** Waits before the next attempt, longer each time, and holds nothing meanwhile. */
export function backOff(
  memory: Memory,
  { reason, cause, afterMs = 0, isNews = false }: Setback,
  { nowMs, monotonicMs, random }: DeliveryEvent,
  { limits }: DeliveryRules,
): Step {
  const delayMs = retryDelayMs(limits.retry, memory.failures, random) ?? limits.retry.delayMsMax;
  const ms = Math.max(delayMs, afterMs);
  const waiting = { ...memory, failures: memory.failures + 1, isProven: false, hasSlot: false };
  const told =
    reason === undefined
      ? waiting
      : { ...waiting, checkpoint: failing(memory.checkpoint, { reason, cause }, nowMs, nowMs + ms) };
  const record: Effect = {
    kind: "record",
    within: isNews || memory.checkpoint.failing === undefined ? "moment" : "second",
  };
  return {
    state: { kind: "backing off", memory: told, untilMonotonicMs: monotonicMs + ms },
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
  lastError: { at: new Date(nowMs).toISOString(), message: reason },
});

/** A break brings back what was delivered lately, which is sent again before all else. Undefined when there is none. */
export function broughtBack(memory: Memory, { monotonicMs }: DeliveryEvent): Memory | undefined {
  if (unconfirmedOf(memory.recent).length === 0) return undefined;
  const count = monotonicMs - memory.breaks.monotonicMs > breaksMsMax ? 1 : memory.breaks.count + 1;
  return { ...owing(memory), breaks: { count, monotonicMs } };
}

/** Owes what was delivered lately from now on. */
export function owing(memory: Memory): Memory {
  const unconfirmed = union(memory.checkpoint.unconfirmed ?? [], unconfirmedOf(memory.recent));
  if (unconfirmed.length === 0) return memory;
  return { ...memory, checkpoint: { ...memory.checkpoint, unconfirmed }, recent: nothingRecent };
}

/** How long to wait after so many breaks in a row, whatever else there is to wait for. */
export const breakDelayMs = (
  { breaks }: Memory,
  { random }: DeliveryEvent,
  { limits }: DeliveryRules,
): number => retryDelayMs(limits.retry, breaks.count - 1, random) ?? limits.retry.delayMsMax;

/** Ends for good. */
export const halt = (memory: Memory): Step => ({
  state: { kind: "stopped", memory: { ...memory, hasSlot: false } },
  effects: end,
});

/** With what had to be done before. */
export const after = (effects: readonly Effect[], { state, effects: then }: Step): Step => ({
  state,
  effects: [...effects, ...then],
});

export const stay = (state: DeliveryState): Step => ({ state, effects: [] });
