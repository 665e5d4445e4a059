/** States and events of a drain's delivery, for tests: one of each kind, and what tells kinds of a kind apart. */
import { origin, positionAt } from "../../../../src/core/position.ts";
import { unsized } from "../../../../src/drains/worker/machine/batcher.ts";
import type {
  DeliveryEvent,
  DeliveryRules,
  DeliveryState,
  Flight,
  Memory,
  NewEvent,
} from "../../../../src/drains/worker/machine/delivery-types.ts";
import type { LiveRange } from "../../../../src/drains/worker/machine/ranges.ts";
import { nothingRecent } from "../../../../src/drains/worker/machine/unconfirmed.ts";
import type { CutRange } from "../../../../src/drains/worker/parcel.ts";
import type { Verdict } from "../../../../src/ports.ts";
import { firstCheckpoint } from "../../../../src/registry/drain-checkpoint.ts";
import { limits } from "../../rig.ts";

export const nowMs = Date.parse("2024-05-01T10:00:00Z");
/** The same moment, as waits are measured. */
export const monotonicMs = 700_000;
export const rules: DeliveryRules = { startLine: 0, createdAtMs: nowMs - 3_600_000, limits, receiver: {} };

/** The place before line `line` of a channel whose batches have one line each. */
export const placeOf = (line: number) => ({ position: line === 0 ? origin : positionAt(line, 0), line });

/** A drain that delivered `line` lines, and did so well. */
export function memoryAt(line: number, rest: Partial<Memory> = {}): Memory {
  return {
    checkpoint: { ...firstCheckpoint({ start: placeOf(0) }), ...placeOf(line), delivered: line },
    asked: undefined,
    hasSlot: false,
    failures: 0,
    isTrusted: true,
    breaks: { count: 0, monotonicMs: Number.NEGATIVE_INFINITY },
    sizing: unsized,
    recent: nothingRecent,
    skippedInRow: 0,
    settledAtMs: undefined,
    parcels: 0,
    ...rest,
  };
}

export const liveAt = (line: number): LiveRange => ({
  kind: "live",
  ...placeOf(line),
  endLine: Number.POSITIVE_INFINITY,
});

/** The lines up to `endLine`, 100 bytes each. */
export const cutOf = (line: number, endLine: number, rest: Partial<CutRange> = {}): CutRange => ({
  count: endLine - line,
  bytes: 100 * (endLine - line),
  filtered: 0,
  end: placeOf(endLine).position,
  endLine,
  firstAcceptedAtMs: nowMs - 1_000,
  finalAcceptedAtMs: nowMs - 500,
  ...rest,
});

export const eventOf = (
  event: NewEvent,
  { afterMs = 0, random = 0.5 }: { afterMs?: number; random?: number } = {},
): DeliveryEvent => ({ ...event, nowMs: nowMs + afterMs, monotonicMs: monotonicMs + afterMs, random });

/** Of the oldest parcel, the lines from 10 to 20. */
export const verdictOf = (
  verdict: Verdict,
  rest: { number?: number; isNotices?: boolean } = {},
): NewEvent => ({
  kind: "verdict",
  number: 1,
  verdict,
  ...rest,
});

const slot = { hasSlot: true };
const preparing: Flight = { number: 1, line: 10, stage: "preparing", cut: undefined, isAlone: false };
const going: Flight = { ...preparing, stage: "going", cut: cutOf(10, 20) };
const sent: Flight = { ...going, stage: "sent" };
const secondPreparing: Flight = { ...preparing, number: 2, line: 20 };
const second: Flight = { ...secondPreparing, stage: "going", cut: cutOf(20, 30) };
const recent = {
  ...nothingRecent,
  newest: [{ ...placeOf(5), endLine: 10, counted: 5 }],
  sinceMs: monotonicMs - 300,
  lastAtMs: monotonicMs - 100,
};
const failing = {
  failures: 1,
  isTrusted: false,
  checkpoint: { ...memoryAt(10).checkpoint, failing: { nextAttemptAt: "2024-05-01T10:00:00.000Z" } },
};

/** Each state as the table shows it. Cursors are at line 10, and lines 5 to 10 were delivered just now. */
export const states: Readonly<Record<string, DeliveryState>> = {
  looking: { kind: "looking", memory: memoryAt(10, { recent }), choice: liveAt(10) },
  idle: { kind: "idle", memory: memoryAt(10, { recent, ...slot }), range: liveAt(10) },
  "idle, no slot": { kind: "idle", memory: memoryAt(10, { recent }), range: liveAt(10) },
  preparing: {
    kind: "preparing",
    memory: memoryAt(10, { recent, parcels: 1 }),
    range: liveAt(10),
    flight: preparing,
  },
  "preparing, slot": {
    kind: "preparing",
    memory: memoryAt(10, { recent, ...slot, parcels: 1 }),
    range: liveAt(10),
    flight: preparing,
  },
  "awaiting slot": {
    kind: "awaiting slot",
    memory: memoryAt(10, { recent, parcels: 1 }),
    ready: { range: liveAt(10), flight: going },
  },
  "awaiting slot, failing": {
    kind: "awaiting slot",
    memory: memoryAt(10, { recent, ...failing }),
    ready: undefined,
  },
  delivering: {
    kind: "delivering",
    memory: memoryAt(10, { recent, ...slot, parcels: 1 }),
    range: liveAt(10),
    inFlight: [going],
    broke: undefined,
  },
  "delivering, sent": {
    kind: "delivering",
    memory: memoryAt(10, { recent, ...slot, parcels: 1 }),
    range: liveAt(10),
    inFlight: [sent],
    broke: undefined,
  },
  "delivering, sent and preparing": {
    kind: "delivering",
    memory: memoryAt(10, { recent, ...slot, parcels: 2 }),
    range: liveAt(10),
    inFlight: [sent, secondPreparing],
    broke: undefined,
  },
  "delivering, two": {
    kind: "delivering",
    memory: memoryAt(10, { recent, ...slot, parcels: 2 }),
    range: liveAt(10),
    inFlight: [sent, second],
    broke: undefined,
  },
  "backing off": {
    kind: "backing off",
    memory: memoryAt(10, { recent, ...failing }),
    untilMonotonicMs: monotonicMs + 250,
  },
  stopping: {
    kind: "stopping",
    memory: memoryAt(10, { recent, ...slot, parcels: 1 }),
    range: liveAt(10),
    inFlight: [going],
    broke: undefined,
  },
  stopped: { kind: "stopped", memory: memoryAt(10, { recent }) },
};

const some = { end: placeOf(30), isEmpty: false };
const asked = { id: "wish", sinceMs: 0 };

/** Each event as the table shows it. */
export const events: Readonly<Record<string, NewEvent>> = {
  "looked: there are lines": { kind: "looked", ...some },
  "looked: retention took all": { kind: "looked", end: placeOf(30), isEmpty: true },
  lines: { kind: "lines" },
  "lines lost": { kind: "lines lost", place: placeOf(15) },
  "log replaced": { kind: "log replaced", place: placeOf(3) },
  "reading ended": { kind: "reading ended" },
  "reading failed": { kind: "reading failed" },
  "slot granted": { kind: "slot granted" },
  "slot wanted": { kind: "slot wanted" },
  prepared: { kind: "prepared", number: 1, cut: cutOf(10, 20), outcome: "ready" },
  "prepared: all filtered": {
    kind: "prepared",
    number: 1,
    cut: cutOf(10, 20, { count: 0, bytes: 0, filtered: 10 }),
    outcome: "filtered",
  },
  "prepared: to be cut anew": { kind: "prepared", number: 1, cut: cutOf(10, 20), outcome: "uncut" },
  "memory wanted": { kind: "memory wanted", ms: 1_200 },
  "held up by patterns": { kind: "held up", reason: "patterns" },
  sent: { kind: "sent", number: 1 },
  "verdict: delivered": verdictOf({ kind: "delivered" }),
  "verdict: retry": verdictOf({ kind: "retry", reason: "503" }),
  "verdict: retry, slow": verdictOf({ kind: "retry", reason: "slow", slow: true }),
  "verdict: retry, stale": verdictOf({ kind: "retry", reason: "grown old", stale: true }),
  "verdict: split": verdictOf({ kind: "split", reason: "413" }),
  "verdict: refused": verdictOf({ kind: "refused", reason: "400" }),
  "connection broke": { kind: "connection broke", reason: "reset" },
  "time passed": { kind: "time passed" },
  "replay asked": { kind: "replay asked", asked },
  stop: { kind: "stop" },
  abort: { kind: "abort" },
};
