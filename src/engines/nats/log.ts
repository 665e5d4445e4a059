/** The log on JetStream: one subject for each channel, in the stream of its shard. */
import { setTimeout as delay } from "node:timers/promises";
import { type Batch, endOf, type StoredBatch } from "../../core/batch.ts";
import type { ChannelId } from "../../core/ids.ts";
import { readPosition } from "../../core/position.ts";
import { AppError } from "../../errors.ts";
import type { Appended, ChannelEnd, ChannelLog, From } from "../../ports.ts";
import type { Appends } from "./appends.ts";
import type { Heads } from "./heads.ts";
import { firstWhere } from "./history.ts";
import type { LiveChannels } from "./live.ts";
import type { LiveChannel } from "./live-channel.ts";
import type { Reader } from "./reader.ts";
import type { StoredMessage } from "./stored.ts";
import type { StreamApi } from "./stream-api.ts";
import type { Trims } from "./trims.ts";

export type NatsLogParts = {
  readonly reader: Reader;
  readonly api: StreamApi;
  readonly heads: Heads;
  readonly appends: Appends;
  readonly trims: Trims;
  readonly live: LiveChannels;
};

/** A follower that cannot read now tries again after this. */
const retryPauseMs = 300;
/** A batch is stored later than it was accepted, by another clock: by no more than this. */
const storedLaterMsMax = 120_000;

/** Where a follower begins: behind the sequence `at`. */
type Start = {
  readonly at: number;
  /** The message that a position named, and how many of its lines the reader has. */
  readonly named?: { readonly sequence: number; readonly lines: number };
};

export class NatsLog implements ChannelLog {
  readonly #parts: NatsLogParts;
  #closed: Promise<void> | undefined;

  constructor(parts: NatsLogParts) {
    this.#parts = parts;
  }

  append(channel: ChannelId, batch: Batch): Promise<Appended> {
    return this.#parts.appends.append(channel, batch);
  }

  follow(channel: ChannelId, from: From, signal: AbortSignal): AsyncIterable<StoredBatch> {
    if (this.#closed !== undefined || signal.aborted) return nothing();
    const { live, heads } = this.#parts;
    const joined = live.join(channel);
    // Not every follower is pulled from: the signal lets go of those too.
    const leave = once(() => {
      signal.removeEventListener("abort", leave);
      live.leave(joined);
    });
    signal.addEventListener("abort", leave);
    const nowAt = joined.isStarting ? undefined : Math.max(joined.newest, heads.known(channel));
    return this.#follow(joined, from, nowAt, signal, leave);
  }

  async recent(
    channel: ChannelId,
    lines: number,
  ): Promise<{ batches: readonly StoredBatch[]; end: ChannelEnd }> {
    const { reader, heads } = this.#parts;
    const last = await reader.last(channel);
    if (last === undefined) return { batches: [], end: await heads.trimmedEnd(channel) };
    const first = await this.#firstOfLast(channel, last, Math.max(1, lines));
    const batches: StoredBatch[] = [];
    let before = Number.POSITIVE_INFINITY;
    for await (const message of reader.stretch(channel, first.sequence - 1, last.sequence)) {
      if (message.previous >= before || (await reader.counts(channel, message))) batches.push(message.batch);
      before = message.sequence;
    }
    const newest = batches.at(-1);
    if (newest === undefined) return { batches: [], end: await heads.trimmedEnd(channel) };
    const end = { position: endOf(newest), line: newest.line + newest.count };
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
    const { appends, live, trims, heads } = this.#parts;
    live.close();
    await appends.close();
    await trims.close();
    await heads.close();
  }

  async *#follow(
    live: LiveChannel,
    from: From,
    nowAt: number | undefined,
    signal: AbortSignal,
    leave: () => void,
  ): AsyncGenerator<StoredBatch> {
    const isOver = () => signal.aborted || live.ended;
    try {
      let start: Start | undefined;
      while (start === undefined) {
        start = await this.#startOf(live, from, nowAt).catch(passing);
        if (isOver()) return;
        if (start === undefined) await delay(retryPauseMs);
      }
      const { named } = start;
      for (let at = start.at; !isOver(); ) {
        const next = live.next(at);
        if (next === undefined) {
          await live.changed(signal);
          continue;
        }
        const { newest } = live;
        const messages = next === "behind" ? this.#parts.reader.stretch(live.id, at, newest) : [next];
        try {
          for await (const message of messages) {
            const isNew = message.sequence !== named?.sequence || message.batch.count > named.lines;
            const counts = message.previous >= at || (await this.#parts.reader.counts(live.id, message));
            if (isOver()) return;
            at = message.sequence;
            if (isNew && counts) yield message.batch;
            if (isOver()) return;
          }
          if (next === "behind") at = Math.max(at, newest); // what is not there is trimmed
        } catch (error) {
          passing(error);
          await delay(retryPauseMs);
        }
      }
    } finally {
      leave();
    }
  }

  async #startOf(live: LiveChannel, from: From, nowAt: number | undefined): Promise<Start> {
    const { reader } = this.#parts;
    const isNow = from.kind === "now" || (from.kind === "last" && from.lines <= 0);
    if (isNow && nowAt !== undefined) return { at: nowAt };
    const last =
      nowAt === undefined ? await live.start.catch(() => reader.last(live.id)) : await reader.last(live.id);
    live.note(last?.sequence ?? 0);
    if (last === undefined) return { at: 0 };
    if (isNow) return { at: last.sequence };
    switch (from.kind) {
      case "last":
        return { at: (await this.#firstOfLast(live.id, last, from.lines)).sequence - 1 };
      case "since":
        return { at: await this.#sinceAt(live.id, last, from.timeMs) };
      case "after": {
        const named = readPosition(from.position);
        if (named === undefined) throw new TypeError("not a position");
        if (named.sequence > last.sequence) return { at: last.sequence };
        return { at: Math.max(0, named.sequence - 1), named };
      }
      default:
        return { at: last.sequence };
    }
  }

  /** The message that holds the first of the last `lines` lines. */
  #firstOfLast(channel: ChannelId, last: StoredMessage, lines: number): Promise<StoredMessage> {
    const { reader } = this.#parts;
    const due = last.batch.line + last.batch.count - lines;
    return firstWhere(
      reader,
      channel,
      last,
      ({ sequence, batch }) => sequence >= last.sequence || batch.line + batch.count > due,
    );
  }

  /** The place before the first batch that was accepted at `timeMs` or later. */
  async #sinceAt(channel: ChannelId, last: StoredMessage, timeMs: number): Promise<number> {
    const { reader } = this.#parts;
    const first = await reader.since(channel, timeMs - storedLaterMsMax);
    if (first === undefined) return last.batch.acceptedAtMs >= timeMs ? last.sequence - 1 : last.sequence;
    if (first.batch.acceptedAtMs >= timeMs) return first.sequence - 1;
    for await (const message of reader.stretch(channel, first.sequence, last.sequence)) {
      if (message.batch.acceptedAtMs >= timeMs) return message.sequence - 1;
    }
    return last.sequence;
  }
}

/** What NATS cannot do now it may be able to do in a moment; anything else is ours to tell. */
function passing(error: unknown): undefined {
  if (!(error instanceof AppError)) throw error;
  return undefined;
}

async function* nothing(): AsyncGenerator<StoredBatch> {}

function once(run: () => void): () => void {
  let ran = false;
  return () => {
    if (ran) return;
    ran = true;
    run();
  };
}
