/** Shows lines that a search found, by their numbers. The lines that all readers together have read ahead are bounded. */
import { endOf, positionIn, type StoredBatch } from "../core/batch/batch.ts";
import { l11Text } from "../core/batch/notice.ts";
import type { Kept } from "../core/filter/line-filter.ts";
import type { Position } from "../core/position.ts";
import { tailLostLines } from "../metrics.ts";
import { turns } from "../turns.ts";
import { FoundPieces } from "./found-pieces.ts";
import { inPieces, noticePart, type Session, type SessionParts, type TailPart } from "./tail-part.ts";

/**
 * Shows the lines with those numbers, after the notices `first`. Lines that were trimmed since the search are
 * reported with their exact number. If there is no line, everything has been told at `end`.
 */
export async function* showFound(
  parts: SessionParts,
  session: Session,
  numbers: Float64Array,
  first: readonly string[],
  end: Position,
  signal: AbortSignal,
): AsyncGenerator<TailPart, void, void> {
  const pieces = new FoundPieces(parts, session.channel);
  const startMs = parts.clock.nowMs();
  let notices = [...first];
  let lost = 0;
  const noticeParts = function* (position: Position) {
    if (lost > 0) notices.push(l11Text(lost, startMs));
    tailLostLines.inc(lost);
    for (const text of notices) yield noticePart(parts, session, text, position);
    notices = [];
    lost = 0;
  };
  try {
    for (let n = 0; n < numbers.length && !signal.aborted; ) {
      const batch = await pieces.holding(numbers[n]!);
      if (batch === undefined) {
        lost++;
        n++;
        continue;
      }
      yield* noticeParts(positionIn(batch, 0));
      const { kept, last } = keptOf(batch, numbers, n);
      const name = `found ${numbers[n]} ${last} ${session.filter?.key}`; // others began or ended elsewhere in the batch
      const wanted = [batch, session.shape, { kept, skip: 0 }, name] as const;
      n += yield* inPieces(parts, wanted, { position: endOf(batch) });
      if (turns.isOver) await turns.next(session.channel);
    }
    yield* noticeParts(end);
  } finally {
    pieces.close();
  }
}

// Keeps the lines of the batch whose numbers are in `numbers`, from index `from` on; `last` is the last of them.
function keptOf({ line, count }: StoredBatch, numbers: Float64Array, from: number) {
  const kept: Kept = new Uint8Array(count);
  let n = from;
  for (; n < numbers.length && numbers[n]! < line + count; n++) kept[numbers[n]! - line] = 1;
  return { kept, last: numbers[n - 1] };
}
