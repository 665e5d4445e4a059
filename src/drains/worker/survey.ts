/** Asks a channel's log what it still has of a range before the range is followed. */
import { endOf, positionIn, type StoredBatch } from "../../core/batch/batch.ts";
import type { ChannelId } from "../../core/ids.ts";
import { comparePositions, readPosition } from "../../core/position.ts";
import type { ChannelEnd, ChannelLog, From } from "../../ports.ts";
import type { LinePlace, RangeChoice } from "./machine/ranges.ts";

type Survey = {
  readonly end: ChannelEnd;
  /** True when no batch is left. */
  readonly isEmpty: boolean;
  /** The beginning of the replay; undefined if none of its lines are left, or there is no replay. */
  readonly start?: LinePlace | undefined;
};

/** The log failed with `cause`. Any other failure is a fault of the program. */
export class LogUnreadable extends Error {}

/** Rejects with `LogUnreadable`. */
export async function survey(log: ChannelLog, channel: ChannelId, choice: RangeChoice): Promise<Survey> {
  const { batches, end } = await reading(log.recent(channel, 1));
  const newest = batches.at(-1);
  if (newest === undefined || choice.kind !== "replay") return { end, isEmpty: newest === undefined };
  const { from } = choice;
  const isPast =
    (from.kind === "since" && newest.acceptedAtMs < from.timeMs) ||
    (from.kind === "after" && comparePositions(endOf(newest), from.position) <= 0);
  if (isPast) return { end, isEmpty: false };
  const first = await reading(firstBatch(log, channel, choice.from));
  const start = first && placeIn(first, choice.from);
  return { end, isEmpty: false, start: start && start.line < choice.endLine ? start : undefined };
}

async function firstBatch(log: ChannelLog, channel: ChannelId, from: From): Promise<StoredBatch | undefined> {
  const looking = new AbortController();
  for await (const first of log.follow(channel, from, looking.signal, "present")) {
    looking.abort();
    return first === "foreign" ? undefined : first; // its lines went with the log that held them
  }
  return undefined;
}

function placeIn(first: StoredBatch, from: From): LinePlace {
  const at = from.kind === "after" ? readPosition(from.position) : undefined;
  const lines = at?.sequence === first.sequence ? at.lines : 0;
  return { position: positionIn(first, lines), line: first.line + lines };
}

const reading = <Value>(work: Promise<Value>): Promise<Value> =>
  work.catch((cause: unknown) => {
    throw new LogUnreadable("the log could not be read", { cause });
  });
