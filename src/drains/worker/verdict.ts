/** Goes on when the destination has answered for a parcel, or has let it pass. Pure. */
import assert from "node:assert";
import type { Verdict } from "../../ports.ts";
import type { DrainCheckpoint } from "../../registry/drain-checkpoint.ts";
import { halveByContent, halveBySize, heldEndOf, hold, isDivisible } from "./batcher.ts";
import type { DeliveryRules, Effect, EventOf, Step } from "./delivery-types.ts";
import {
  after,
  backOff,
  breakDelayMs,
  halt,
  notify,
  owing,
  recordSoon,
  resume,
  type Setback,
  withFlights,
} from "./moves.ts";
import type { CutRange } from "./parcel.ts";
import { type Left, resting, settle, settleFiltered, withError } from "./settle.ts";
import type { UnderWay } from "./under-way.ts";

/** A parcel that was not taken or answered in time so often is sent in parts: the time may be too short for it. */
const slowTriesMax = 2;
/** A destination that refused so many lines in a row, each alone, is waited for as one that is down. */
export const skippedInRowMax = 10;
/** Between two notices of a certificate that ends soon. */
const expiryNoticeMs = 86_400_000;

type VerdictEvent = EventOf<"verdict">;

/** The drain after a verdict, what has to be done, and why it failed, if it did. */
type Weighed = Left & { readonly effects: readonly Effect[]; readonly setback?: Setback };

/** The oldest parcel has its verdict. One of a parcel that nobody waits for any more changes nothing. */
export function onVerdict(state: UnderWay, event: VerdictEvent, rules: DeliveryRules): Step {
  const [first, ...others] = state.inFlight;
  if (first!.number !== event.number) {
    assert(!others.some(({ number }) => number === event.number), "parcels are settled in their order");
    return { state, effects: [] };
  }
  const weighed = weigh(state, first!.cut!, event, rules);
  const isPassed = weighed.range.line > state.range.line;
  if (!isPassed) {
    // Those sent behind it are sent again with it, and what was read ahead begins behind them.
    const isReadAgain = first!.isAlone || first!.stage === "sent";
    return after(
      weighed.effects,
      goOn({ ...state, ...left(weighed), inFlight: [] }, isReadAgain, weighed, event, rules),
    );
  }
  const passed = passFiltered({ ...state, ...left(weighed), inFlight: others }, event);
  const rested = resting(passed.memory, passed.inFlight);
  const next = { ...passed, memory: rested.memory };
  return after([...weighed.effects, ...rested.effects], goOn(next, first!.isAlone, weighed, event, rules));
}

const left = ({ memory, range }: Left): Left => ({ memory, range });

// Lines that the filter left out, and that are the oldest now.
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
  // A parcel told to be delivered after its connection broke went over that one.
  const memory = broke === undefined ? state.memory : owing(state.memory);
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
  const halve: readonly Effect[] = [{ kind: "halve" }, recordSoon];
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
  const { memory, range } = settle(state, cut, { delivered: cut.count - refused, refused }, event);
  const { expiryToldAtMs = Number.NEGATIVE_INFINITY } = memory.checkpoint;
  const isExpiryNews = verdict.expiring !== undefined && nowMs - expiryToldAtMs >= expiryNoticeMs;
  const reason = verdict.reason ?? "the destination rejected lines";
  const checkpoint: DrainCheckpoint = {
    ...(refused > 0 ? withError(memory.checkpoint, reason, nowMs) : memory.checkpoint),
    deliveredAt: new Date(nowMs).toISOString(),
    failing: undefined,
    ...(isExpiryNews && { expiryToldAtMs: nowMs }),
  };
  return {
    memory: { ...memory, checkpoint, failures: 0, isProven: true, skippedInRow: 0 },
    range,
    effects: [
      recordSoon,
      ...(refused > 0 ? told(refused, cut, reason, event) : []),
      ...(isExpiryNews ? [notify({ kind: "expiring", reason: verdict.expiring! })] : []),
    ],
  };
}

function onRefusedAlone(
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
  return { memory: { ...memory, sizing }, range, effects: [held(cut)], setback };
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
  const effect: Effect = isHalved ? { kind: "halve" } : held(cut);
  const effects = certificate ? [effect, notify({ kind: "certificate", reason })] : [effect];
  const isNews = isHalved || heldEndOf(memory.sizing, range) !== cut.endLine;
  return { memory: { ...memory, sizing }, range, effects, setback: { reason, cause, afterMs, isNews } };
}

// The destination does not take this line, though it came alone: it is passed. A destination that takes none is left
// alone for longer and longer, so that the lines behind are there still when its owner has mended that.
function skipped(state: UnderWay, cut: CutRange, reason: string, event: VerdictEvent): Weighed {
  const { memory, range } = settle(state, cut, { delivered: 0, refused: 1 }, event);
  const skippedInRow = memory.skippedInRow + 1;
  const words = explained(skippedInRow, reason);
  return {
    memory: {
      ...memory,
      checkpoint: { ...withError(memory.checkpoint, words, event.nowMs), failing: undefined },
      failures: skippedInRow < skippedInRowMax ? 0 : memory.failures,
      skippedInRow,
    },
    range,
    effects: [recordSoon, ...told(1, cut, words, event)],
  };
}

const held = ({ endLine }: CutRange): Effect => ({ kind: "hold", endLine });

// A notice that is refused, as the lines before it were, would be told by the next one, for ever.
const told = (
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
