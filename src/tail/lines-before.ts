/** Reads a log backwards from a place: the lines before it, by their numbers. */
import type { ChannelId } from "../core/ids.ts";
import { comparePositions, type Position } from "../core/position.ts";
import type { ChannelEnd, ChannelLog, From } from "../ports.ts";
import { dueIn } from "./forward.ts";
import type { Recent } from "./recent.ts";
import type { Found } from "./search.ts";

const stepBytesMax = 1024 * 1024;
/** The longest wait for a batch that is known to exist; after it, the place is taken for the end. */
const readMsMax = 5_000;

/** The running number of the first line after `position`; `foreign` when the position does not belong to this log. */
export async function lineBefore(
  log: ChannelLog,
  channel: ChannelId,
  position: Position,
  end: ChannelEnd,
): Promise<number | "foreign"> {
  if (comparePositions(position, end.position) >= 0) return end.line;
  const from: From = { kind: "after", position };
  const read = new AbortController();
  const late = setTimeout(() => read.abort(), readMsMax);
  try {
    const line = await log.lineAfter(channel, position);
    for await (const batch of log.follow(channel, from, read.signal, "present"))
      return batch === "foreign" ? batch : (line ?? dueIn(from, batch));
    return line ?? end.line;
  } finally {
    clearTimeout(late);
    read.abort();
  }
}

type WantedBefore = {
  readonly channel: ChannelId;
  readonly lines: number;
  readonly acceptedMsMin: number;
  readonly endLine: number;
};

/** The newest `lines` lines before `endLine` that are kept. */
export async function newestBefore(
  { log, recent }: { readonly log: ChannelLog; readonly recent: Recent },
  { channel, lines, acceptedMsMin, endLine }: WantedBefore,
  signal: AbortSignal,
): Promise<Found> {
  const wanted = Math.max(0, endLine - lines);
  let first = endLine;
  let sinceMs: number | undefined;
  let isAll = false;
  while (first > wanted && !isAll && !signal.aborted) {
    const kept = recent.holding(channel, first - 1);
    const within = { endLine: first, bytesMax: stepBytesMax };
    const batches = kept ? [kept] : [...(await log.recent(channel, first - wanted, within)).batches];
    isAll = batches.length === 0;
    while (batches.length > 0 && first > wanted) {
      const batch = batches.pop()!;
      isAll = batch.acceptedAtMs < acceptedMsMin || batch.line >= first;
      if (isAll) break;
      first = Math.max(wanted, batch.line);
      sinceMs = batch.acceptedAtMs;
    }
  }
  const count = endLine - first;
  const numbers = Float64Array.from({ length: count }, (_, n) => first + n);
  return { lines: count, sinceMs, matches: count, end: isAll || first === 0 ? "all" : "found", numbers };
}
