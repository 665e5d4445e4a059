/** The ways into a state that several states share, and the effects that many steps have. Pure. */

import type { CutRange } from "../parcel.ts";
import { heldEndOf, parcelLimitsOf, sizingFor } from "./batcher.ts";
import type {
  DeliveryEvent,
  DeliveryRules,
  DeliveryState,
  Effect,
  Flight,
  Memory,
  Notice,
  StateOf,
  Step,
} from "./delivery-types.ts";
import { type DeliveryRange, isPicked, pickRange } from "./ranges.ts";
import { nextLine } from "./under-way.ts";

export const recordSoon: Effect = { kind: "record", within: "moment" };
const end: readonly Effect[] = [{ kind: "let go" }, { kind: "release" }, { kind: "end" }];

export const notify = (notice: Notice): Effect => ({ kind: "notify", notice });

/**
 * A parcel of live lines is sent again unchanged, even if another node has the drain by then; for other ranges, another
 * node cuts anew.
 */
export const heldEffects = ({ kind }: DeliveryRange, { endLine }: CutRange): readonly Effect[] =>
  kind === "live" ? [{ kind: "hold", endLine }] : [];

/** A parcel of live lines is sent in parts: the end that another node may know of is void. */
export const unheldEffects = ({ kind }: DeliveryRange): readonly Effect[] =>
  kind === "live" ? [{ kind: "unhold" }] : [];

/** Continues with the next range. A failing drain waits for its slot before it reads anything. */
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
        bytesMax: memory.isTrusted || heldEnd !== undefined ? limits.readAheadBytesMax : limits.probeBytesMax,
        throughLine: heldEnd ?? 0,
      },
    ],
  };
}

/** Makes a parcel of the lines that were read, after those under way. */
export function prepare(
  memory: Memory,
  range: DeliveryRange,
  inFlight: readonly Flight[],
  { monotonicMs }: DeliveryEvent,
  { limits, receiver }: DeliveryRules,
): Step {
  const { sizing, isTrusted } = memory;
  const number = memory.parcels + 1;
  const line = nextLine(range, inFlight);
  const isAlone = !isTrusted && memory.failures > 0;
  const bounds = parcelLimitsOf(sizing, { range, isTrusted, monotonicMs, limits, receiver });
  const flight: Flight = { number, line, stage: "preparing", cut: undefined, isAlone };
  const counted = { ...memory, parcels: number };
  return {
    state: withFlights(counted, range, [...inFlight, flight]),
    effects: [{ kind: "prepare", number, line, range, bounds, isAlone }],
  };
}

export type PreparingState = StateOf<"preparing">;

/** With these parcels under way. While the only one is being prepared, the slot may be asked for. */
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

/** Waits for a slot, among the failing drains or among the others. */
export const takeSlot = ({ failures }: Memory): Effect => ({
  kind: "take slot",
  queue: failures > 0 ? "failing" : "well",
});

/**
 * Continues with what is left of `range` when nothing is under way any more. `isReadAgain`: from the log, after a
 * look.
 */
export function resume(memory: Memory, range: DeliveryRange, isReadAgain: boolean): Step {
  const isOver = range.line >= range.endLine;
  const picked = pickRange(memory.checkpoint, memory.asked);
  if (isOver || isReadAgain || !isPicked(range, picked)) return choose(memory);
  return stay({ kind: "idle", memory, range });
}

/** Ends for good. */
export const halt = (memory: Memory): Step => ({
  state: { kind: "stopped", memory: { ...memory, hasSlot: false } },
  effects: end,
});

/** Puts `effects` before those of the step. */
export const after = (effects: readonly Effect[], { state, effects: then }: Step): Step => ({
  state,
  effects: then.length === 0 ? effects : [...effects, ...then],
});

const nothing: readonly Effect[] = [];

export const stay = (state: DeliveryState): Step => ({ state, effects: nothing });
