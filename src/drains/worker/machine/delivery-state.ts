/**
 * One drain's delivery as a state machine: `step` says what comes of an event in a state, and what has to be done. It
 * knows no clock, does no I/O and asks nothing: times and chance come with the events, effects are data.
 *
 * | State | The drain | Leaves it by |
 * |---|---|---|
 * | looking | picked its next range and asks the log what there is of it | `looked` |
 * | idle | follows its range and has nothing to send; its slot, if it has one, may be asked for | `lines` |
 * | preparing | makes a parcel of the lines at hand; its slot, if it has one, may be asked for | `prepared` |
 * | awaiting slot | has a parcel ready, or failed, and waits for its turn at a connection | `slot granted` |
 * | delivering | has parcels under way, oldest first; the next one follows those that are sent | `verdict` |
 * | backing off | failed; holds neither slot nor lines | `time passed` |
 * | stopping | begins nothing more; what is on its way may end | `verdict`, `abort` |
 * | stopped | is over | |
 *
 * A drain that is paused, has no URL or belongs to another node has no worker and so none of these states: see
 * `supervisor.ts`. What its owner reads as `state` follows from the checkpoint: see `registry/drain-ledger.ts`.
 */
import type { DrainCheckpoint } from "../../../registry/drain-checkpoint.ts";
import { unsized } from "./batcher.ts";
import type {
  DeliveryEvent,
  DeliveryRules,
  DeliveryState,
  Effect,
  EventOf,
  Flight,
  StateOf,
  Step,
} from "./delivery-types.ts";
import { beginAgain, lose } from "./gone-lines.ts";
import { onLooked } from "./looked.ts";
import { onNextPrepared, onPrepared } from "./prepared.ts";
import type { AskedReplay } from "./ranges.ts";
import { backOff, breakDelayMs, withBreak } from "./setbacks.ts";
import { withError } from "./settle.ts";
import { assertSound } from "./soundness.ts";
import {
  after,
  choose,
  halt,
  type PreparingState,
  prepare,
  recordSoon,
  resume,
  stay,
  withFlights,
} from "./transitions.ts";
import { nothingRecent } from "./unconfirmed.ts";
import { hasRoom, type UnderWay } from "./under-way.ts";
import { onVerdict } from "./verdict.ts";

const unreadable = { reason: "the log could not be read; the operator has to look into it" };

/** Continues where `checkpoint` says. */
export function begin(checkpoint: DrainCheckpoint, asked: AskedReplay | undefined): Step {
  const { failing, line, parcelEnd = 0 } = checkpoint;
  return choose({
    checkpoint,
    asked,
    hasSlot: false,
    failures: failing === undefined ? 0 : 1, // it waits for its turn among the drains that fail
    isTrusted: failing === undefined,
    breaks: { count: 0, monotonicMs: Number.NEGATIVE_INFINITY },
    sizing: { ...unsized, heldLive: parcelEnd > line ? parcelEnd : undefined },
    recent: nothingRecent,
    skippedInRow: 0,
    settledAtMs: undefined,
    parcels: 0,
  });
}

/**
 * The state after `event`, and the effects. Throws an AssertionError when the result is unsound, which is a fault of
 * the program.
 */
export function step(state: DeliveryState, event: DeliveryEvent, rules: DeliveryRules): Step {
  const next = inState(state, event, rules);
  assertSound(next.state, rules);
  return next;
}

function inState(state: DeliveryState, event: DeliveryEvent, rules: DeliveryRules): Step {
  switch (state.kind) {
    case "looking":
      return looking(state, event, rules);
    case "idle":
      return idle(state, event, rules);
    case "preparing":
      return preparing(state, event, rules);
    case "awaiting slot":
      return awaitingSlot(state, event, rules);
    case "delivering":
    case "stopping":
      return underWay(state, event, rules);
    case "backing off":
      return backingOff(state, event, rules);
    case "stopped":
      return stopped(state, event);
  }
}

function looking(state: StateOf<"looking">, event: DeliveryEvent, rules: DeliveryRules): Step {
  if (event.kind === "looked") return onLooked(state, event, rules);
  if (event.kind === "slot wanted") return released(state);
  if (event.kind === "reading failed") return backOff(state.memory, unreadable, event, rules);
  return atRest(state, event, rules);
}

function idle(state: StateOf<"idle">, event: DeliveryEvent, rules: DeliveryRules): Step {
  const { memory, range } = state;
  switch (event.kind) {
    case "lines":
      return prepare(memory, range, [], event, rules);
    case "lines lost": {
      const { effects, ...left } = lose(memory, range, event.place, rules);
      const rest: readonly Effect[] = memory.hasSlot ? [{ kind: "rest" }] : [];
      return after([...effects, ...rest], resume(left.memory, left.range, false));
    }
    case "log replaced": {
      const begun = beginAgain(memory, range, event);
      return after([{ kind: "unhold" }, recordSoon], choose(begun));
    }
    case "reading ended":
      return backOff(memory, { reason: undefined }, event, rules);
    case "reading failed":
      return backOff(memory, unreadable, event, rules);
    case "slot wanted":
      return released(state);
    case "replay asked": {
      return resume({ ...memory, asked: event.asked }, range, false);
    }
    default:
      return atRest(state, event, rules);
  }
}

function preparing(state: PreparingState, event: DeliveryEvent, rules: DeliveryRules): Step {
  switch (event.kind) {
    case "prepared":
      return onPrepared(state, event);
    case "slot wanted":
      return released(state);
    case "held up": {
      const noted = heldUp(state, event);
      return state.memory.hasSlot ? after(noted.effects, released(noted.state)) : noted;
    }
    case "memory wanted":
      return backOff(state.memory, { reason: undefined }, event, rules);
    default:
      return atRest(state, event, rules);
  }
}

function awaitingSlot(state: StateOf<"awaiting slot">, event: DeliveryEvent, rules: DeliveryRules): Step {
  if (event.kind === "memory wanted" && state.ready !== undefined)
    return { state: { ...state, ready: undefined }, effects: [{ kind: "let go" }] };
  if (event.kind !== "slot granted") return atRest(state, event, rules);
  const memory = { ...state.memory, hasSlot: true };
  if (state.ready === undefined) return choose(memory);
  const { range, flight } = state.ready;
  return { state: withFlights(memory, range, [flight]), effects: [{ kind: "send", number: flight.number }] };
}

// Delivering or stopping.
function underWay(state: UnderWay, event: DeliveryEvent, rules: DeliveryRules): Step {
  const { memory, range, inFlight } = state;
  switch (event.kind) {
    case "lines":
      return state.kind === "delivering" && hasRoom(state, rules)
        ? prepare(memory, range, inFlight, event, rules)
        : stay(state);
    case "prepared":
      return onNextPrepared(state, event);
    case "held up":
      return heldUp(state, event);
    case "sent":
      return stay({ ...state, inFlight: inFlight.map((one) => sent(one, event.number)) });
    case "verdict":
      return onVerdict(state, event, rules);
    case "memory wanted": // what was sent holds nothing
      return inFlight.at(-1)!.stage === "going"
        ? { state, effects: [{ kind: "give up", ms: event.ms }] }
        : stay(state);
    case "connection broke": {
      const broken = withBreak(memory, event);
      if (broken === undefined) return stay(state);
      return { state: { ...state, memory: broken, broke: event.reason }, effects: [recordSoon] };
    }
    case "replay asked":
      return stay({ ...state, memory: { ...memory, asked: event.asked } });
    case "stop": {
      // A parcel that is not on its way yet is not sent any more.
      const going = inFlight.filter(({ stage }) => stage !== "preparing");
      return { state: { ...state, kind: "stopping", inFlight: going }, effects: [{ kind: "let go" }] };
    }
    case "abort":
      return after([{ kind: "abandon" }], halt(memory));
    default:
      return stay(state);
  }
}

function backingOff(state: StateOf<"backing off">, event: DeliveryEvent, rules: DeliveryRules): Step {
  const { memory, untilMonotonicMs } = state;
  if (event.kind === "time passed") return choose(memory);
  if (event.kind !== "connection broke") return atRest(state, event, rules);
  const broken = withBreak(memory, event);
  if (broken === undefined) return stay(state);
  // The failed attempt has already been reported.
  const ms = Math.max(untilMonotonicMs - event.monotonicMs, breakDelayMs(broken, event, rules));
  const failing = { ...broken.checkpoint.failing, nextAttemptAt: new Date(event.nowMs + ms).toISOString() };
  const later = { ...broken, checkpoint: { ...broken.checkpoint, failing } };
  return {
    state: { ...state, memory: later, untilMonotonicMs: event.monotonicMs + ms },
    effects: [recordSoon, { kind: "sleep", ms }],
  };
}

function stopped(state: StateOf<"stopped">, event: DeliveryEvent): Step {
  // A connection may break while it is being closed.
  const broken = event.kind === "connection broke" ? withBreak(state.memory, event) : undefined;
  return broken === undefined ? stay(state) : { state: { ...state, memory: broken }, effects: [recordSoon] };
}

// Events with the same meaning in every state without a parcel under way.
function atRest(
  state: Exclude<DeliveryState, UnderWay | StateOf<"stopped">>,
  event: DeliveryEvent,
  rules: DeliveryRules,
): Step {
  const { memory } = state;
  switch (event.kind) {
    case "stop":
    case "abort":
      return halt(memory);
    case "replay asked":
      return stay({ ...state, memory: { ...memory, asked: event.asked } });
    case "connection broke": {
      const broken = withBreak(memory, event);
      const afterMs = broken && breakDelayMs(broken, event, rules);
      return broken === undefined
        ? stay(state)
        : backOff(broken, { reason: event.reason, cause: "connection", afterMs: afterMs! }, event, rules);
    }
    default:
      return stay(state);
  }
}

const sent = (flight: Flight, number: number): Flight =>
  flight.number === number ? { ...flight, stage: "sent" } : flight;

// Only the owner is told; nothing is wrong with the destination.
function heldUp<State extends PreparingState | UnderWay>(
  state: State,
  { reason, nowMs }: EventOf<"held up">,
): { readonly state: State; readonly effects: readonly Effect[] } {
  const checkpoint = withError(state.memory.checkpoint, reason, nowMs);
  return {
    state: { ...state, memory: { ...state.memory, checkpoint } },
    effects: [{ kind: "record", within: "second" }],
  };
}

const released = <State extends StateOf<"looking" | "idle" | "preparing">>(state: State): Step => ({
  state: { ...state, memory: { ...state.memory, hasSlot: false } },
  effects: [{ kind: "release" }],
});
