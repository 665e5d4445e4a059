import { heldEndOf, parcelLimitsOf, passed, sizingFor, unsized } from "./batcher.ts";
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
import { type DeliveryRange, isPicked, type LinePlace, pickRange, rangeAfter } from "./ranges.ts";
import { nothingRecent } from "./unconfirmed.ts";
import { nextLine } from "./under-way.ts";

const logReplaced =
  "the app's log is not the one that was read before (another server, or a restored backup): the drain went on with its oldest line";

export const recordSoon: Effect = { kind: "record", within: "moment" };
const end: readonly Effect[] = [{ kind: "let go" }, { kind: "release" }, { kind: "end" }];

export const notify = (notice: Notice): Effect => ({ kind: "notify", notice });

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

/** The lines of `range` before `place` are gone: they are counted, and reported if they were not sent yet. */
export function lose(memory: Memory, range: DeliveryRange, place: LinePlace, rules: DeliveryRules) {
  const sizing = passed(memory.sizing, range, place.line);
  const { deliveredAt } = memory.checkpoint;
  const sinceMs = memory.settledAtMs ?? (deliveredAt ? Date.parse(deliveredAt) : rules.createdAtMs);
  if (range.kind === "live") {
    const effects = [recordSoon, notify({ kind: "lost", lines: place.line - range.line, sinceMs })];
    const checkpoint = lost(memory.checkpoint, place);
    return { memory: { ...memory, sizing, checkpoint }, range: rangeAfter(range, place, 0), effects };
  }
  if (range.kind === "redelivery") {
    const { checkpoint, left, missing } = lostUnconfirmed(memory.checkpoint, range, place);
    const notices = missing > 0 ? [notify({ kind: "lost", lines: missing, sinceMs })] : [];
    return { memory: { ...memory, sizing, checkpoint }, range: left, effects: [recordSoon, ...notices] };
  }
  return { memory: { ...memory, sizing }, range: rangeAfter(range, place, 0), effects: [] };
}

/**
 * The log is another one. What was to be sent again is gone with the old one; the drain continues with the oldest
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
