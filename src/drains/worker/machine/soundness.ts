/** Asserts what must be true of a drain's delivery in every state. A violation is a fault of the program. */
import assert from "node:assert";
import { heldEndOf } from "./batcher.ts";
import type { DeliveryRules, DeliveryState } from "./delivery-types.ts";
import { assertAddsUp } from "./ledger.ts";
import type { DeliveryRange } from "./ranges.ts";
import type { UnderWay } from "./under-way.ts";

export function assertSound(state: DeliveryState, rules: DeliveryRules): void {
  const { memory, kind } = state;
  assertAddsUp(memory.checkpoint, rules.startLine);
  assertUnconfirmed(state);
  const prepared = kind === "preparing" ? state : kind === "awaiting slot" ? state.ready : undefined;
  if (prepared !== undefined) {
    assert.equal(prepared.flight.line, prepared.range.line, "a parcel begins its range");
    assertRange(state, prepared.range);
  }
  if (kind === "idle" || kind === "delivering" || kind === "stopping") assertRange(state, state.range);
  if (kind === "delivering" || kind === "stopping") assertUnderWay(state, rules);
  if (memory.hasSlot && (kind === "awaiting slot" || kind === "backing off" || kind === "stopped"))
    assert.fail(`no slot while ${kind}`);
}

function assertRange({ memory }: DeliveryState, range: DeliveryRange): void {
  assert(range.line < range.endLine, "a range has lines");
  if (range.kind === "live")
    assert.equal(range.line, memory.checkpoint.line, "live lines begin at the cursor");
  else assert(range.endLine <= memory.checkpoint.line, "what is sent again lies before the cursor");
  const held = heldEndOf(memory.sizing, range) ?? range.line + 1;
  assert(range.line < held && held <= range.endLine, "a held end lies in the range");
  for (const end of memory.sizing.suspectEnds)
    assert(range.line < end && end <= range.endLine, "what is looked for lies in the range");
}

function assertUnderWay({ memory, range, inFlight }: UnderWay, { limits }: DeliveryRules): void {
  assert(inFlight.length > 0 && inFlight[0]!.stage !== "preparing", "something is under way");
  assert(inFlight.length <= limits.unsettledParcelsMax, "parcels under way have a bound");
  let due = range.line;
  let bytes = 0;
  for (let at = 0; at < inFlight.length; at++) {
    const { line, cut, stage } = inFlight[at]!;
    assert(line === due, "parcels follow one another without a gap");
    assert(at === 0 || due - range.line < limits.unsettledLinesMax, "lines under way have a bound");
    assert(at === 0 || bytes < limits.unsettledBytesMax, "bytes under way have a bound");
    assert(stage === "sent" || at === inFlight.length - 1, "a parcel follows what is sent");
    assert((cut === undefined) === (stage === "preparing"), "what is prepared has an end");
    due = cut?.endLine ?? due;
    bytes += cut?.bytes ?? 0;
  }
  assert(memory.hasSlot, "what is under way has a slot");
}

function assertUnconfirmed({ memory }: DeliveryState): void {
  const { unconfirmed } = memory.checkpoint;
  if (unconfirmed === undefined) return;
  let endLine = 0;
  for (const stretch of unconfirmed) {
    assert(stretch.line >= endLine && stretch.line < stretch.endLine, "unconfirmed lines are in order");
    assert(stretch.counted <= stretch.endLine - stretch.line, "a line counts once");
    endLine = stretch.endLine;
  }
  assert(endLine <= memory.checkpoint.line, "what is unconfirmed was settled");
}
