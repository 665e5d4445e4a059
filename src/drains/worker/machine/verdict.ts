/** Handles the destination's verdict on a parcel. Pure. */
import assert from "node:assert";
import type { Verdict } from "../../../ports.ts";
import type { CutRange } from "../parcel.ts";
import { halveByContent, halveBySize, heldEndOf, hold, isDivisible } from "./batcher.ts";
import type { DeliveryRules, Effect, Flight, Step } from "./delivery-types.ts";
import { notifyRefused, onRefusedAlone, skipped, type VerdictEvent, type Weighed } from "./refused.ts";
import { backOff, breakDelayMs, withRecentUnconfirmed } from "./setbacks.ts";
import { type Left, resting, settle, settleFiltered, withError } from "./settle.ts";
import {
  after,
  halt,
  heldEffects,
  notify,
  recordSoon,
  resume,
  unheldEffects,
  withFlights,
} from "./transitions.ts";
import type { UnderWay } from "./under-way.ts";

/**
 * A parcel that was not accepted or answered in time this often is sent in parts: it may be too large for that time.
 */
const slowTriesMax = 2;
/** A crash before this is written repeats lines, and loses none. */
const progress: readonly Effect[] = [{ kind: "record", within: "pace" }];
const nothing: readonly Effect[] = [];
const widen = ({ limits }: DeliveryRules): Effect => ({ kind: "widen", bytesMax: limits.readAheadBytesMax });
/** The time between two notices that a certificate expires soon. */
const expiryNoticeMs = 86_400_000;

/** The verdict is on the oldest parcel. One on a parcel that nobody waits for any more changes nothing. */
export function onVerdict(state: UnderWay, event: VerdictEvent, rules: DeliveryRules): Step {
  const { inFlight } = state;
  const [first, ...others] = inFlight;
  const { number } = event;
  if (first!.number !== number) {
    assert(!inFlight.some((flight) => flight.number === number), "parcels are settled in their order");
    return { state, effects: [] };
  }
  const weighed = weigh(state, first!.cut!, event, rules);
  const isPassed = weighed.range.line > state.range.line;
  if (!isPassed) {
    // The parcels sent after it are sent again with it, and reading ahead continues after them.
    const isReadAgain = first!.isAlone || first!.stage === "sent";
    return after(weighed.effects, goOn(withRest(state, weighed, []), isReadAgain, weighed, event, rules));
  }
  const passed = passFiltered(withRest(state, weighed, others), event);
  const rested = resting(passed.memory, passed.inFlight);
  const next = rested.memory === passed.memory ? passed : { ...passed, memory: rested.memory };
  const isTrustedAgain = weighed.memory.isTrusted && !state.memory.isTrusted;
  const widened = isTrustedAgain ? [widen(rules)] : nothing;
  const more = widened.length + rested.effects.length;
  const effects = more === 0 ? weighed.effects : [...weighed.effects, ...widened, ...rested.effects];
  return after(effects, goOn(next, first!.isAlone, weighed, event, rules));
}

// Everything under way after the first.
const withRest = (
  { kind, broke }: UnderWay,
  { memory, range }: Left,
  inFlight: readonly Flight[],
): UnderWay => ({
  kind,
  memory,
  range,
  inFlight,
  broke,
});

// Passes the oldest lines if the filter left them out.
function passFiltered(state: UnderWay, event: VerdictEvent): UnderWay {
  const [first, ...others] = state.inFlight;
  if (!first?.isFiltered) return state;
  return passFiltered({ ...state, ...settleFiltered(state, first.cut!, event), inFlight: others }, event);
}

function goOn(
  state: UnderWay,
  isReadAgain: boolean,
  { setback }: Weighed,
  event: VerdictEvent,
  rules: DeliveryRules,
): Step {
  const { range, inFlight, broke } = state;
  // A parcel reported as delivered after its connection broke had gone over that connection.
  const memory = broke === undefined ? state.memory : withRecentUnconfirmed(state.memory);
  const isStopping = state.kind === "stopping";
  const reason = setback?.reason ?? broke;
  if (reason !== undefined) {
    const breakMs = broke === undefined ? 0 : breakDelayMs(memory, event, rules);
    const afterMs = Math.max(breakMs, setback?.afterMs ?? 0);
    const waiting = backOff(memory, { cause: "connection", ...setback, reason, afterMs }, event, rules);
    return isStopping ? after([recordSoon], halt(waiting.state.memory)) : waiting;
  }
  if (inFlight.length === 0) return isStopping ? halt(memory) : resume(memory, range, isReadAgain);
  return { state: isStopping ? state : withFlights(memory, range, inFlight), effects: [] };
}

function weigh(state: UnderWay, cut: CutRange, event: VerdictEvent, rules: DeliveryRules): Weighed {
  const { memory, range } = state;
  const { verdict, monotonicMs } = event;
  const halve: readonly Effect[] = [...unheldEffects(range), recordSoon];
  switch (verdict.kind) {
    case "delivered":
      return onDelivered(state, cut, verdict, event);
    case "split": {
      if (cut.count === 1) return skipped(state, cut, verdict.reason, event);
      const sizing = halveBySize(memory.sizing, range, cut, monotonicMs + rules.limits.splitMsMax);
      return { memory: { ...memory, sizing }, range, effects: halve };
    }
    case "refused": {
      if (cut.count === 1) return onRefusedAlone(state, cut, verdict, event, rules);
      const sizing = halveByContent(memory.sizing, range, cut);
      return { memory: { ...memory, sizing }, range, effects: halve };
    }
    case "retry":
      if (verdict.stale) return { memory, range, effects: [{ kind: "renew" }] };
      return onRetry(state, cut, verdict, monotonicMs, rules);
  }
}

function onDelivered(
  state: UnderWay,
  cut: CutRange,
  verdict: Verdict & { kind: "delivered" },
  event: VerdictEvent,
): Weighed {
  const { nowMs } = event;
  const refused = Math.min(verdict.rejected ?? 0, cut.count);
  const left = settle(state, cut, { delivered: cut.count - refused, refused, isTaken: true }, event);
  const { checkpoint } = left.memory;
  const { expiryToldAtMs = Number.NEGATIVE_INFINITY } = checkpoint;
  const isExpiryNews = verdict.expiring !== undefined && nowMs - expiryToldAtMs >= expiryNoticeMs;
  if (refused === 0 && !isExpiryNews) return { memory: left.memory, range: left.range, effects: progress };
  const reason = verdict.reason ?? "the destination rejected lines";
  return {
    memory: {
      ...left.memory,
      checkpoint: {
        ...(refused > 0 ? withError(checkpoint, reason, nowMs) : checkpoint),
        ...(isExpiryNews && { expiryToldAtMs: nowMs }),
      },
    },
    range: left.range,
    effects: [
      ...progress,
      ...(refused > 0 ? notifyRefused(refused, cut, reason, event) : []),
      ...(isExpiryNews ? [notify({ kind: "expiring", reason: verdict.expiring! })] : []),
    ],
  };
}

function onRetry(
  { memory, range }: UnderWay,
  cut: CutRange,
  { reason, cause, afterMs = 0, slow, certificate }: Verdict & { kind: "retry" },
  monotonicMs: number,
  { limits }: DeliveryRules,
): Weighed {
  const slowTries = slow ? memory.sizing.slowTries + 1 : 0;
  const isHalved = slowTries >= slowTriesMax && isDivisible(cut);
  const sizing = isHalved
    ? halveBySize(memory.sizing, range, cut, monotonicMs + limits.splitMsMax)
    : { ...hold(memory.sizing, range, cut), slowTries };
  const notices = certificate ? [notify({ kind: "certificate", reason })] : [];
  const effects = [...(isHalved ? unheldEffects(range) : heldEffects(range, cut)), ...notices];
  const isNews = isHalved || heldEndOf(memory.sizing, range) !== cut.endLine;
  return { memory: { ...memory, sizing }, range, effects, setback: { reason, cause, afterMs, isNews } };
}
