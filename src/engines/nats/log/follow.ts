/**
 * A follower's way through its channel: live messages, and the stream where it has fallen behind. Each message names
 * the one before it, so a follower notices when it has missed one. The missing message may have been trimmed, or may
 * only not be there yet (on a replica that lags, or a leader that was just elected): the leader is asked before the
 * later message is passed on.
 */
import type { StoredBatch } from "../../../core/batch/batch.ts";
import { AppError } from "../../../errors/app-error.ts";
import type { Clock } from "../../../ports.ts";
import type { LiveChannel, Waiter } from "./live-channel.ts";
import type { Reader } from "./reader.ts";
import { isVoidAfter, type Start } from "./starts.ts";
import type { StoredMessage } from "./stored.ts";

/** A follower that cannot read now tries again after this. */
export const retryPauseMs = 300;

type FollowParts = { readonly reader: Reader; readonly clock: Clock };

/** A follower of a channel. `until`: with `present` it ends when it would have to wait, as the leader sees it. */
export type Follower = {
  readonly live: LiveChannel;
  /** Woken when the follower ends. */
  readonly waiter: Waiter;
  readonly signal: AbortSignal;
  readonly until: "present" | undefined;
};

/** A follower's progress. */
class Way {
  readonly #named: Start["named"];
  /** Messages up to this sequence are done. */
  at: number;
  /** The last message that was seen. */
  seen: number;
  #due: number;

  constructor({ at, named, due = 0 }: Start) {
    this.at = at;
    this.seen = at;
    this.#named = named;
    this.#due = due;
  }

  /**
   * Takes the message after the last one. Returns its batch; undefined if it is not to be passed on; `over` if line
   * numbers begin again.
   */
  take(message: StoredMessage, counts: boolean): StoredBatch | undefined | "over" {
    const { sequence, batch } = message;
    const named = this.#named;
    const isNamed = sequence === named?.sequence;
    this.at = this.seen = sequence;
    if ((isNamed && batch.count <= named.lines) || !counts) return undefined;
    if (named !== undefined && isVoidAfter(named.sequence, message)) return undefined;
    // Line numbers only ever grow. The follower comes back and is told that this is another log.
    if (batch.line < this.#due && !isNamed) return "over";
    this.#due = batch.line + batch.count;
    return batch;
  }
}

/** The batches from `start` on, until the signal is aborted, the channel ends, or its line numbers begin again. */
export async function* followFrom(
  { reader, clock }: FollowParts,
  { live, waiter, signal, until }: Follower,
  start: Start,
): AsyncGenerator<StoredBatch> {
  const isOver = () => signal.aborted || live.ended;
  const way: Way = new Way(start);
  for (let isToBeReadAgain = false; !isOver(); ) {
    const next: ReturnType<LiveChannel["next"]> = isToBeReadAgain ? "unread" : live.next(way.at);
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
      if (next !== "unread" && follows(way, next)) {
        const taken = way.take(next, true);
        if (taken === "over") return;
        if (taken !== undefined) yield taken;
        continue;
      }
      const found: Iterable<StoredMessage> | AsyncIterable<StoredMessage> =
        next === "unread" ? reader.stretch(live.id, way.at, newest) : [next];
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
      // A missing message was trimmed only if the leader has no such message either.
      if (next === "unread" && !isToBeReadAgain && way.seen < newest && reader.replicated)
        isToBeReadAgain = await reader.hasAny(live.id, way.seen, newest);
      if (isToBeReadAgain) {
        way.at = way.seen;
        await clock.sleep(retryPauseMs, signal);
      } else if (next === "unread") way.at = Math.max(way.at, newest);
    } catch (error) {
      passing(error);
      await clock.sleep(retryPauseMs, signal);
    }
  }
}

/** The message itself says that it is the next one, so nobody has to be asked. */
const follows = ({ at, seen }: Way, { previous }: StoredMessage): boolean =>
  previous >= at && previous <= seen;

/** A failure of NATS may be over in a moment; any other error is a bug of ours and is thrown. */
export function passing(error: unknown): undefined {
  if (!(error instanceof AppError)) throw error;
  return undefined;
}
