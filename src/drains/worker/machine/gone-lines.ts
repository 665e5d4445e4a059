/** Handles lines that the log no longer has: trimmed, or gone with a log that another one has replaced. Pure. */
import { passed, unsized } from "./batcher.ts";
import type { DeliveryRules, EventOf, Memory } from "./delivery-types.ts";
import { advanced, beganAgain, lost, lostUnconfirmed } from "./ledger.ts";
import { type DeliveryRange, type LinePlace, rangeAfter } from "./ranges.ts";
import { notify, recordSoon } from "./transitions.ts";
import { nothingRecent } from "./unconfirmed.ts";

const logReplaced =
  "the app's log is not the one that was read before (another server, or a restored backup): the drain went on with its oldest line";

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
