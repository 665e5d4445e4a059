/**
 * Shows the lines that a search found together with their neighbours in the log, and says where lines are left out.
 */
import { positionIn, type StoredBatch } from "../core/batch/batch.ts";
import { l11Text } from "../core/batch/notice.ts";
import type { Kept } from "../core/filter/line-filter.ts";
import { tailLostLines } from "../metrics.ts";
import type { ChannelEnd } from "../ports.ts";
import { turns } from "../turns.ts";
import { FoundPieces } from "./found-pieces.ts";
import {
  gapPart,
  inPieces,
  lastPart,
  noticePart,
  type Session,
  type SessionParts,
  type TailPart,
} from "./tail-part.ts";

/** The most neighbours to show of each found line. */
export type Around = { readonly before: number; readonly after: number };

/** The bound of both. */
export const aroundMax = 100;

/** A half-open range of line numbers. */
type Range = { readonly start: number; readonly end: number };

/** The lines to show for `numbers`, which are ascending, as ranges that neither touch nor overlap. */
export function rangesAround(numbers: Iterable<number>, { before, after }: Around, endLine: number): Range[] {
  const ranges: Range[] = [];
  for (const number of numbers) {
    const start = Math.max(0, number - before);
    const end = Math.min(endLine, number + after + 1);
    const last = ranges.at(-1);
    if (last !== undefined && start <= last.end) ranges[ranges.length - 1] = { start: last.start, end };
    else ranges.push({ start, end });
  }
  return ranges;
}

/**
 * Shows the lines with those numbers and their neighbours, after the notices `first`. Found lines that were trimmed
 * since the search are reported with their number, trimmed neighbours are not. Then everything before `end` has been
 * told.
 */
export async function* showAround(
  parts: SessionParts,
  session: Session,
  { numbers, around, first }: { numbers: Float64Array; around: Around; first: readonly string[] },
  end: ChannelEnd,
  signal: AbortSignal,
): AsyncGenerator<TailPart, void, void> {
  const pieces = new FoundPieces(parts, session.channel);
  const isFound = new Set(numbers);
  const startMs = parts.clock.nowMs();
  let notices = [...first];
  let lost = 0;
  let shownTo: number | undefined;
  try {
    for (const range of rangesAround(numbers, around, end.line)) {
      for (let line = range.start; line < range.end && !signal.aborted; ) {
        const batch = await pieces.holding(line);
        if (batch === undefined) {
          if (isFound.has(line)) lost++;
          line++;
          continue;
        }
        if (lost > 0) notices.push(l11Text(lost, startMs));
        tailLostLines.inc(lost);
        for (const text of notices)
          yield noticePart(parts, session, text, positionIn(batch, line - batch.line));
        notices = [];
        lost = 0;
        if (shownTo !== undefined && line > shownTo) yield gapPart(session);
        const to = Math.min(range.end, batch.line + batch.count);
        yield* linesOf(parts, session, batch, { start: line, end: to });
        shownTo = line = to;
        if (turns.isOver) await turns.next(session.channel);
      }
    }
    if (lost > 0) notices.push(l11Text(lost, startMs));
    tailLostLines.inc(lost);
    for (const text of notices) yield noticePart(parts, session, text, end.position);
    yield lastPart(session, end.position);
  } finally {
    pieces.close();
  }
}

async function* linesOf(
  parts: SessionParts,
  { shape }: Session,
  batch: StoredBatch,
  { start, end }: Range,
): AsyncGenerator<TailPart, void, void> {
  const [from, to] = [start - batch.line, end - batch.line];
  const kept: Kept = new Uint8Array(batch.count).fill(1, from, to);
  const wanted = [batch, shape, { kept, skip: 0 }, `around ${from} ${to}`] as const;
  yield* inPieces(parts, wanted, { position: positionIn(batch, to) });
}
