/**
 * A follower's way through its channel: what comes live, and the stream where it is behind. Each message names the one
 * before it, so a follower knows when it has not seen one. Whether that is trimmed, or was only not found (on a replica that
 * lags, by a leader that was just elected), the leader is asked before the later message is told.
 */
import type { StoredBatch } from "../../../core/batch/batch.ts";
import { AppError } from "../../../errors/app-error.ts";
import type { Clock } from "../../../ports.ts";
import type { LiveChannel, Waiter } from "./live-channel.ts";
import type { Reader } from "./reader.ts";
import type { Start } from "./starts.ts";
import type { StoredMessage } from "./stored.ts";

/** A follower that cannot read now tries again after this. */
export const retryPauseMs = 300;

type FollowParts = { readonly reader: Reader; readonly clock: Clock };

/** One who follows a channel. `until`: `present` ends where it would wait, as the leader has it. */
export type Follower = {
  readonly live: LiveChannel;
  /** Woken when it is over. */
  readonly waiter: Waiter;
  readonly signal: AbortSignal;
  readonly until: "present" | undefined;
};

/** How far a follower is. */
class Way {
  readonly #named: Start["named"];
  /** Messages up to this one are done. */
  at: number;
  /** The last message that was looked at. */
  seen: number;
  #due = 0;

  constructor({ at, named }: Start) {
    this.at = at;
    this.seen = at;
    this.#named = named;
  }

  /** The message after the last one: its batch, undefined when that is not to be told, `over` when numbers begin anew. */
  take({ sequence, batch }: StoredMessage, counts: boolean): StoredBatch | undefined | "over" {
    const isNew = sequence !== this.#named?.sequence || batch.count > this.#named.lines;
    this.at = this.seen = sequence;
    if (!isNew || !counts) return undefined;
    // Lines are numbered upwards for ever: who comes back is told that this log is another one.
    if (batch.line < this.#due) return "over";
    this.#due = batch.line + batch.count;
    return batch;
  }
}

/**
 * The batches behind `start`, until the signal is aborted, the channel ends, or its line numbers begin anew.
 */
export async function* followFrom(
  { reader, clock }: FollowParts,
  { live, waiter, signal, until }: Follower,
  start: Start,
): AsyncGenerator<StoredBatch> {
  const isOver = () => signal.aborted || live.ended;
  const way: Way = new Way(start);
  for (let isToBeReadAgain = false; !isOver(); ) {
    const next: ReturnType<LiveChannel["next"]> = isToBeReadAgain ? "behind" : live.next(way.at);
    if (next === undefined && until === undefined) {
      await live.changed(waiter);
      continue;
    }
    const { newest } = live;
    isToBeReadAgain = false;
    try {
      if (next === undefined) {
        const last = await reader.last(live.id);
        if (last === undefined || last.sequence <= way.at) return;
        live.note(last.sequence);
        continue;
      }
      if (next !== "behind" && follows(way, next)) {
        const taken = way.take(next, true);
        if (taken === "over") return;
        if (taken !== undefined) yield taken;
        continue;
      }
      const found: Iterable<StoredMessage> | AsyncIterable<StoredMessage> =
        next === "behind" ? reader.stretch(live.id, way.at, newest) : [next];
      for await (const message of found) {
        const counts = message.previous >= way.at || (await reader.counts(live.id, message));
        isToBeReadAgain =
          message.previous > way.seen && (await reader.hasAny(live.id, way.seen, message.sequence - 1));
        if (isOver()) return;
        if (isToBeReadAgain) break;
        const taken = way.take(message, counts);
        if (taken === "over") return;
        if (taken !== undefined) yield taken;
        if (isOver()) return;
      }
      // A message that is not there is trimmed, when the leader says so too.
      if (next === "behind" && !isToBeReadAgain && way.seen < newest && reader.replicated)
        isToBeReadAgain = await reader.hasAny(live.id, way.seen, newest);
      if (isToBeReadAgain) {
        way.at = way.seen;
        await clock.sleep(retryPauseMs, signal);
      } else if (next === "behind") way.at = Math.max(way.at, newest);
    } catch (error) {
      passing(error);
      await clock.sleep(retryPauseMs, signal);
    }
  }
}

/** It says itself that it is the next one: nobody has to be asked. */
const follows = ({ at, seen }: Way, { previous }: StoredMessage): boolean =>
  previous >= at && previous <= seen;

/** A failure of NATS may be over in a moment; anything else is ours to tell. */
export function passing(error: unknown): undefined {
  if (!(error instanceof AppError)) throw error;
  return undefined;
}
