/**
 * A follower's way through its channel: what comes live, and the stream where it is behind. Each message names the one
 * before it, so a follower knows when it has not seen one. Whether that is trimmed, or was only not found (on a replica that
 * lags, by a leader that was just elected), the leader is asked before the later message is told.
 */
import type { StoredBatch } from "../../../core/batch.ts";
import { AppError } from "../../../errors/app-error.ts";
import type { Clock } from "../../../ports.ts";
import type { LiveChannel } from "./live-channel.ts";
import type { Reader } from "./reader.ts";
import type { Start } from "./starts.ts";

/** A follower that cannot read now tries again after this. */
export const retryPauseMs = 300;

type FollowParts = { readonly reader: Reader; readonly clock: Clock };

/**
 * The batches behind `start`, until `signal` is aborted, the channel ends, or its line numbers begin anew. `present`:
 * until there is none behind the last one, as the leader has it.
 */
export async function* followFrom(
  { reader, clock }: FollowParts,
  live: LiveChannel,
  { at: startAt, named }: Start,
  signal: AbortSignal,
  until?: "present",
): AsyncGenerator<StoredBatch> {
  const isOver = () => signal.aborted || live.ended;
  let due = 0;
  /** The last message that was looked at. */
  let seen = startAt;
  let isToBeReadAgain = false;
  for (let at = startAt; !isOver(); ) {
    const next = isToBeReadAgain ? "behind" : live.next(at);
    if (next === undefined && until === undefined) {
      await live.changed(signal);
      continue;
    }
    const { newest } = live;
    isToBeReadAgain = false;
    try {
      if (next === undefined) {
        const last = await reader.last(live.id);
        if (last === undefined || last.sequence <= at) return;
        live.note(last.sequence);
        continue;
      }
      for await (const message of next === "behind" ? reader.stretch(live.id, at, newest) : [next]) {
        const { batch, sequence, previous } = message;
        const isNew = sequence !== named?.sequence || batch.count > named.lines;
        const counts = previous >= at || (await reader.counts(live.id, message));
        if (previous > seen && (await reader.hasAny(live.id, seen, sequence - 1))) {
          isToBeReadAgain = true;
          break;
        }
        if (isOver()) return;
        at = seen = sequence;
        if (!isNew || !counts) continue;
        // Lines are numbered upwards for ever: who comes back is told that this log is another one.
        if (batch.line < due) return;
        due = batch.line + batch.count;
        yield batch;
        if (isOver()) return;
      }
      // A message that is not there is trimmed, when the leader says so too.
      if (next === "behind" && !isToBeReadAgain && seen < newest && reader.replicated)
        isToBeReadAgain = await reader.hasAny(live.id, seen, newest);
      if (isToBeReadAgain) {
        at = seen;
        await clock.sleep(retryPauseMs, signal);
      } else if (next === "behind") at = Math.max(at, newest);
    } catch (error) {
      passing(error);
      await clock.sleep(retryPauseMs, signal);
    }
  }
}

/** A failure of NATS may be over in a moment; anything else is ours to tell. */
export function passing(error: unknown): undefined {
  if (!(error instanceof AppError)) throw error;
  return undefined;
}
