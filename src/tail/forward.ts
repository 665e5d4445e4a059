/** Reads a log forward from a place: history while there is some, then live, in one pull. */
import { endOf, positionIn, type StoredBatch } from "../core/batch/batch.ts";
import { weigh } from "../core/batch/loss.ts";
import { delayedText, l11Text } from "../core/batch/notice.ts";
import type { Kept } from "../core/filter/line-filter.ts";
import { origin, type Position, readPosition } from "../core/position.ts";
import { tailLostLines } from "../metrics.ts";
import type { ChannelEnd, From } from "../ports.ts";
import { ticking } from "../ticking.ts";
import { batchesFrom } from "./batches-from.ts";
import { Census } from "./census.ts";
import {
  inPieces,
  noticePart,
  placePart,
  replacedPart,
  type Session,
  type SessionParts,
  type TailPart,
  tickPart,
} from "./tail-part.ts";

export type Forward = {
  readonly from: From;
  /** The running number of the next line, if known. */
  readonly due?: number | undefined;
  /** When the newest line before it was accepted; absent: now. */
  readonly acceptedAtMs?: number | undefined;
  /** The reading ends at this place; absent: it continues with what comes. */
  readonly end?: ChannelEnd | undefined;
  /** Set when the reader wants to know how many lines there were before this one, and how many of them passed. */
  readonly censusLine?: number | undefined;
};

const oldest: From = { kind: "after", position: origin };

/** A reader is told that it is waiting for its patterns after this time, and then at most this often. */
const delayTellMs = 5_000;
const delayTellAgainMs = 60_000;

/**
 * Lines that cannot be read when they are pulled, because they were trimmed or damaged, are reported in one L11 line
 * with their exact number, which no filter drops.
 */
export async function* readForward(
  parts: SessionParts,
  session: Session,
  { from, due: firstDue, acceptedAtMs: firstAcceptedAtMs, end, censusLine }: Forward,
  signal: AbortSignal,
): AsyncGenerator<TailPart, void, void> {
  let acceptedAtMs = firstAcceptedAtMs ?? parts.clock.nowMs();
  let due = firstDue;
  if (from.kind === "after") yield { ...placePart(from.position), next: { line: due, acceptedAtMs } };
  const delays = new Delays(parts, session);
  const census = censusLine === undefined ? undefined : new Census(parts.clock, censusLine);
  let owesCensus = census !== undefined;
  let start = from;
  const finalLine = end?.line;
  const until = end && "present";
  for await (const batch of batchesFrom(parts, session.channel, from, signal, until)) {
    if (batch === "foreign") {
      yield replacedPart(parts, session);
      start = oldest;
      due = undefined;
      continue;
    }
    const isPast = finalLine !== undefined && batch.line >= finalLine;
    due ??= dueIn(start, batch);
    const { missing, repeated } = weigh(due, isPast ? { line: finalLine, count: 0 } : batch);
    if (missing > 0) {
      tailLostLines.inc(missing);
      const notice = noticePart(parts, session, l11Text(missing, acceptedAtMs), positionIn(batch, 0));
      yield { ...notice, next: { line: batch.line, acceptedAtMs } };
    }
    if (!isPast) {
      const { filter } = session;
      const selecting = filter && parts.selector.select(session.payer, batch, filter, signal);
      const kept =
        selecting instanceof Promise ? yield* delays.wait(selecting, positionIn(batch, repeated)) : selecting;
      if (signal.aborted) return;
      const wanted = [batch, session.shape, { kept, skip: repeated }, filter?.key] as const;
      due = batch.line + batch.count;
      acceptedAtMs = batch.acceptedAtMs;
      const next = owesCensus ? undefined : { line: due, acceptedAtMs };
      const count = yield* inPieces(parts, wanted, { position: endOf(batch), next });
      const progress = census?.add(batch, batch.count - repeated, count);
      if (progress !== undefined) {
        owesCensus = false;
        yield progress;
      }
    }
    if (finalLine !== undefined && (isPast || due >= finalLine)) {
      due = finalLine;
      break;
    }
  }
  const isCounted = !signal.aborted && end !== undefined && start === from; // the end of another log means nothing here
  const missing = isCounted ? await missingBefore(parts, session, end, due) : 0;
  if (missing > 0) {
    tailLostLines.inc(missing);
    yield noticePart(parts, session, l11Text(missing, acceptedAtMs), end!.position);
  }
  const progress = signal.aborted ? undefined : census?.end();
  if (progress !== undefined) yield progress;
}

// The newest lines may be the ones that cannot be read. A log that was destroyed meanwhile, and has no line, lost
// none of them.
async function missingBefore(
  { log }: SessionParts,
  { channel }: Session,
  { line }: ChannelEnd,
  due: number | undefined,
): Promise<number> {
  if (due === undefined || due >= line) return 0;
  return (await log.recent(channel, 0)).end.line === 0 ? 0 : line - due;
}

// A position tells how many lines of its own batch were read, but not how many were trimmed after that batch.
export function dueIn(from: From, batch: StoredBatch): number {
  const place = from.kind === "after" ? readPosition(from.position) : undefined;
  return batch.line + (place?.sequence === batch.sequence ? place.lines : 0);
}

/** The waits of one reader for its patterns. */
class Delays {
  readonly #parts: SessionParts;
  readonly #session: Session;
  #noticedMs = Number.NEGATIVE_INFINITY;

  constructor(parts: SessionParts, session: Session) {
    this.#parts = parts;
    this.#session = session;
  }

  /** Tells the reader when it is waiting for the budget of its app. Everything before `position` has been told. */
  async *wait(
    selecting: Promise<Kept | undefined>,
    position: Position,
  ): AsyncGenerator<TailPart, Kept | undefined, void> {
    const { clock, selector } = this.#parts;
    const { payer } = this.#session;
    const startMs = clock.monotonicMs();
    const sinceMs = clock.nowMs();
    return yield* ticking(selecting, clock, () => {
      const nowMs = clock.monotonicMs();
      const isNews = nowMs - startMs >= delayTellMs && nowMs - this.#noticedMs >= delayTellAgainMs;
      if (!isNews || !selector.isSpent(payer)) return tickPart;
      this.#noticedMs = nowMs;
      return noticePart(this.#parts, this.#session, delayedText(sinceMs), position);
    });
  }
}
