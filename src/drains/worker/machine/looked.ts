/** Handles the result of a look at the log, before a range is followed. Pure. */
import { beginningAt } from "./batcher.ts";
import type { DeliveryRules, EventOf, StateOf, Step } from "./delivery-types.ts";
import { lose } from "./gone-lines.ts";
import { isPicked, pickRange } from "./ranges.ts";
import { after, choose, follow, recordSoon } from "./transitions.ts";

/** Follows what is left of the range; lines that were trimmed are reported now, not with the channel's next line. */
export function onLooked(
  { memory, choice }: StateOf<"looking">,
  { end, isEmpty, start }: EventOf<"looked">,
  rules: DeliveryRules,
): Step {
  const picked = pickRange(memory.checkpoint, memory.asked);
  if (!isPicked(choice, picked)) return choose(memory);
  if (choice.kind === "replay") {
    const { id, endLine } = choice;
    const range = start && ({ kind: "replay", id, endLine, ...start } as const);
    if (range !== undefined)
      return follow({ ...memory, sizing: beginningAt(memory.sizing, range) }, range, rules);
    const checkpoint = { ...memory.checkpoint, replay: { id } };
    return after([recordSoon], choose({ ...memory, checkpoint }));
  }
  const gone = { position: end.position, line: choice.kind === "live" ? end.line : choice.endLine };
  const isGone = isEmpty && gone.line > choice.line;
  const { effects, ...left } = isGone
    ? lose(memory, choice, gone, rules)
    : { memory, range: choice, effects: [] };
  if (left.range.line >= left.range.endLine) return after(effects, choose(left.memory));
  if (left.range.line < end.line || memory.failures === 0)
    return after(effects, follow(left.memory, left.range, rules));
  // The lines that failed are gone, so nothing waits for another try.
  const calm = {
    ...left.memory,
    hasSlot: false,
    checkpoint: { ...left.memory.checkpoint, failing: undefined },
  };
  return after([...effects, { kind: "release" }, recordSoon], follow(calm, left.range, rules));
}
