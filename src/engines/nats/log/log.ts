/** The log on JetStream: one subject for each channel, in the stream of its shard. */
import { type Batch, endOf, type StoredBatch } from "../../../core/batch/batch.ts";
import type { ChannelId } from "../../../core/ids.ts";
import { type Position, readPosition } from "../../../core/position.ts";
import type { Appended, ChannelEnd, ChannelLog, Clock, Followed, From, Within } from "../../../ports.ts";
import { turns } from "../../../turns.ts";
import { isOrigin } from "../../incarnation.ts";
import type { StreamApi } from "../wire/stream-api.ts";
import type { Appends } from "./appends.ts";
import { type Follower, followFrom, passing, retryPauseMs } from "./follow.ts";
import type { Heads } from "./heads.ts";
import type { LiveChannels } from "./live.ts";
import type { LiveChannel, Waiter } from "./live-channel.ts";
import type { Reader } from "./reader.ts";
import { leaderLagMsMax } from "./replacements.ts";
import type { Retention } from "./retention.ts";
import { type Start, Starts } from "./starts.ts";

type NatsLogParts = {
  readonly reader: Reader;
  readonly api: StreamApi;
  readonly heads: Heads;
  readonly appends: Appends;
  readonly retention: Retention;
  readonly live: LiveChannels;
  readonly clock: Clock;
};

export class NatsLog implements ChannelLog {
  readonly #parts: NatsLogParts;
  readonly #starts: Starts;
  #closed: Promise<void> | undefined;

  constructor(parts: NatsLogParts) {
    this.#parts = parts;
    this.#starts = new Starts(parts.reader, parts.heads);
  }

  append(channel: ChannelId, batch: Batch): Promise<Appended> {
    return this.#parts.appends.append(channel, batch);
  }

  follow(channel: ChannelId, from: From, signal: AbortSignal, until?: "present"): AsyncIterable<Followed> {
    if (this.#closed !== undefined || signal.aborted) return nothing();
    const { live, heads } = this.#parts;
    const joined = live.join(channel);
    // The signal also ends followers that are not being pulled from.
    const waiter: Waiter = { wake: () => {} };
    const leave = once(() => {
      signal.removeEventListener("abort", leave);
      live.leave(joined);
      waiter.wake();
    });
    signal.addEventListener("abort", leave);
    const nowAt = joined.isStarting
      ? undefined
      : Math.max(joined.newest, heads.known(channel)?.sequence ?? 0);
    return this.#follow({ live: joined, waiter, signal, until }, { from, nowAt }, leave);
  }

  async lineAfter(channel: ChannelId, position: Position): Promise<number | undefined> {
    const place = readPosition(position);
    if (place === undefined) return undefined;
    if (isOrigin(place)) return 0;
    if (place.line !== undefined) return place.line + place.lines;
    const found = await this.#parts.reader.next(channel, place.sequence - 1);
    return found?.sequence === place.sequence ? found.batch.line + place.lines : undefined;
  }

  async recent(
    channel: ChannelId,
    lines: number,
    { endLine = Number.POSITIVE_INFINITY, bytesMax = Number.POSITIVE_INFINITY }: Within = {},
  ): Promise<{ batches: readonly StoredBatch[]; end: ChannelEnd }> {
    const { reader, heads } = this.#parts;
    const last = await reader.last(channel);
    if (last === undefined) return { batches: [], end: await heads.trimmedEnd(channel) };
    const beforeLine = Math.min(endLine, last.batch.line + last.batch.count);
    const first = await this.#starts.holding(channel, last, beforeLine - Math.max(1, lines));
    const batches: StoredBatch[] = [];
    let bytes = 0;
    let newest: StoredBatch | undefined;
    let before = Number.POSITIVE_INFINITY;
    const isLast = first.sequence === last.sequence;
    const messages = isLast ? [last] : reader.stretch(channel, first.sequence - 1, last.sequence);
    for await (const message of messages) {
      const { batch } = message;
      const counts = message.previous >= before || (await reader.counts(channel, message));
      before = message.sequence;
      if (!counts) continue;
      newest = batch;
      if (batch.line >= endLine) break;
      batches.push(batch);
      bytes += batch.bytes.length;
      while (bytes > bytesMax && batches.length > 1) bytes -= batches.shift()!.bytes.length;
      if (turns.isOver) await turns.next(channel);
    }
    if (newest === undefined) return { batches: [], end: await heads.trimmedEnd(channel) };
    const isRead = newest.line < endLine;
    const end =
      isRead || (await reader.counts(channel, last))
        ? endAfter(isRead ? newest : last.batch)
        : (await this.recent(channel, 0)).end;
    return { batches: lines <= 0 ? [] : batches, end };
  }

  destroy(channel: ChannelId): Promise<void> {
    const { reader, api, heads, appends, live } = this.#parts;
    const { stream, log } = reader.place(channel);
    return appends.between(channel, async () => {
      await api.purge(stream, log);
      live.destroyed(channel);
      await heads.remove(channel);
    });
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const { appends, live, retention, heads } = this.#parts;
    live.close();
    await appends.close();
    await retention.close();
    await heads.close();
  }

  async *#follow(follower: Follower, { from, nowAt }: Wanted, leave: () => void): AsyncGenerator<Followed> {
    try {
      const start = await this.#startOf(follower.live, from, nowAt, follower.signal);
      if (start === undefined) return;
      if (start.foreign) yield "foreign";
      yield* followFrom(this.#parts, follower, start);
    } finally {
      leave();
    }
  }

  /** Asks until there is an answer; undefined when the follower ends first. */
  async #startOf(
    live: LiveChannel,
    from: From,
    nowAt: number | undefined,
    signal: AbortSignal,
  ): Promise<Start | undefined> {
    const { clock, reader } = this.#parts;
    const patientUntilMs = clock.monotonicMs() + (reader.replicated ? leaderLagMsMax : 0);
    const isOver = () => signal.aborted || live.ended;
    while (!isOver()) {
      const patient = clock.monotonicMs() < patientUntilMs;
      const start = await this.#starts.of(live, from, nowAt, patient).catch(passing);
      if (start !== undefined) return isOver() ? undefined : start;
      await clock.sleep(retryPauseMs, signal);
    }
    return undefined;
  }
}

type Wanted = {
  readonly from: From;
  /** The channel's end at the time of the question, if known. */
  readonly nowAt: number | undefined;
};

const endAfter = (batch: StoredBatch): ChannelEnd => ({
  position: endOf(batch),
  line: batch.line + batch.count,
});

async function* nothing(): AsyncGenerator<Followed> {}

function once(run: () => void): () => void {
  let ran = false;
  return () => {
    if (ran) return;
    ran = true;
    run();
  };
}
