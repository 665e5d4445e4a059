/**
 * The log on the journal: appends through its commits, reads from its segments, and passes on new batches in memory.
 */
import assert from "node:assert";
import type { Batch, StoredBatch } from "../../core/batch/batch.ts";
import type { BatchMemory } from "../../core/batch/batch-memory.ts";
import type { ChannelId } from "../../core/ids.ts";
import { origin, type Position, readPosition } from "../../core/position.ts";
import type { AppError } from "../../errors/app-error.ts";
import { storeUnavailable } from "../../errors/store.ts";
import type { Appended, ChannelEnd, ChannelLog, Followed, From, Within } from "../../ports.ts";
import { Append, type AppendParts } from "./append.ts";
import type { Channel } from "./channel.ts";
import { Destroy } from "./destroy.ts";
import type { Journal } from "./journal.ts";
import { Follower, LiveChannel } from "./live.ts";
import { LiveWindow } from "./live-window.ts";
import type { Reader } from "./reader.ts";
import { startOf } from "./start.ts";

type Parts = Omit<AppendParts, "live"> & {
  readonly journal: Journal;
  readonly reader: Reader;
  /** Called when a channel was destroyed and its lines must be erased. */
  readonly destroyed: (channel: Channel) => void;
};

export class JournalLog implements ChannelLog {
  readonly #parts: Parts;
  readonly #appendParts: AppendParts;
  readonly #live = new Map<ChannelId, LiveChannel>();
  readonly #window = new LiveWindow();
  #closed = false;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#appendParts = { ...parts, live: this.#live };
  }

  append(channel: ChannelId, batch: Batch, memory?: BatchMemory): Promise<Appended> {
    assert(batch.count > 0);
    return new Promise((resolve, reject) => {
      if (this.#closed) reject(logClosed());
      else this.#parts.journal.submit(new Append(this.#appendParts, channel, batch, memory, resolve, reject));
    });
  }

  follow(channel: ChannelId, from: From, signal: AbortSignal, until?: "present"): AsyncIterable<Followed> {
    if (this.#closed) return { [Symbol.asyncIterator]: () => none };
    // The place is fixed at the call; reading begins with the first pull.
    const { channels, reader } = this.#parts;
    const start = startOf(channels.get(channel), from, reader);
    return {
      [Symbol.asyncIterator]: () => {
        if (this.#closed || signal.aborted) return none;
        return new Follower(this.#liveChannel(channel), start, signal, until);
      },
    };
  }

  /** A batch's sequence is the number of its first line, so nothing has to be read for this. */
  async lineAfter(_channel: ChannelId, position: Position): Promise<number | undefined> {
    const place = readPosition(position);
    return place && place.sequence + place.lines;
  }

  async recent(
    id: ChannelId,
    lines: number,
    { endLine = Number.POSITIVE_INFINITY, bytesMax = Number.POSITIVE_INFINITY }: Within = {},
  ): Promise<{ batches: readonly StoredBatch[]; end: ChannelEnd }> {
    if (this.#closed) throw logClosed();
    const channel = this.#parts.channels.get(id);
    if (channel === undefined) return { batches: [], end: { position: origin, line: 0 } };
    const { reader } = this.#parts;
    const { line, end: position } = channel;
    const beforeLine = Math.min(endLine, line);
    const batches: StoredBatch[] = [];
    for (let due = await reader.startBefore(channel, beforeLine, lines, bytesMax); due < beforeLine; ) {
      const read = await reader.read(channel, due, beforeLine);
      if (this.#closed) throw logClosed();
      if (read.length === 0) break;
      batches.push(...read);
      due = read.at(-1)!.line + read.at(-1)!.count;
    }
    return { batches, end: { position, line } };
  }

  destroy(channel: ChannelId): Promise<void> {
    const { channels, journal, destroyed } = this.#parts;
    return new Promise((resolve, reject: (error: AppError) => void) => {
      const stored = (gone: Channel | undefined) => {
        if (gone !== undefined) destroyed(gone);
        this.#live.get(channel)?.end();
        resolve();
      };
      journal.submit(new Destroy(channels, channel, stored, reject));
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const live of [...this.#live.values()]) live.end();
    await this.#parts.journal.idle();
  }

  #liveChannel(id: ChannelId): LiveChannel {
    const known = this.#live.get(id);
    if (known !== undefined) return known;
    const { channels, reader } = this.#parts;
    const live: LiveChannel = new LiveChannel(reader, this.#window, channels.get(id), () => {
      if (this.#live.get(id) === live) this.#live.delete(id);
    });
    this.#live.set(id, live);
    return live;
  }
}

const none: AsyncIterator<Followed, undefined> = {
  next: () => Promise.resolve({ done: true, value: undefined }),
};

const logClosed = () => storeUnavailable(new Error("the log is closed"));
