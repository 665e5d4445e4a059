/** The model: the simplest log and store that fulfil the contract. Nothing outlives the process. */
import assert from "node:assert";
import { type Batch, encodedBytes, endOf, type StoredBatch } from "../core/batch/batch.ts";
import type { ChannelId } from "../core/ids.ts";
import { origin, type Position, readPosition } from "../core/position.ts";
import { storeUnavailable } from "../errors/store.ts";
import type { Appended, ChannelEnd, ChannelLog, Clock, Followed, From, Within } from "../ports.ts";
import { AgeClock } from "./age-clock.ts";
import { dedupMs, type Engine, type Retention } from "./engine.ts";
import { incarnationOf, isForeign, newLogId } from "./incarnation.ts";
import { MemoryStore } from "./memory-store.ts";

type MemoryOptions = { readonly clock: Clock; readonly retention: Retention };

/** Opens an empty log and an empty store in memory. */
export async function openMemory({ clock, retention }: MemoryOptions): Promise<Engine> {
  const log = new MemoryLog(clock, retention);
  const store = new MemoryStore();
  return {
    log,
    store,
    async close() {
      await log.close();
      await store.close();
    },
  };
}

type Channel = {
  readonly incarnation: string;
  batches: StoredBatch[];
  /** The number of lines since the channel began. */
  line: number;
  end: Position;
  bytes: number;
  ended: boolean;
  readonly frames: Map<string, { readonly position: Position; readonly atMs: number }>;
  readonly waiting: Set<() => void>;
};

const newChannel = (incarnation: string): Channel => ({
  incarnation,
  batches: [],
  line: 0,
  end: origin,
  bytes: 0,
  ended: false,
  frames: new Map(),
  waiting: new Set(),
});

class MemoryLog implements ChannelLog {
  readonly #clock: Clock;
  readonly #retention: Retention;
  readonly #ageClock: AgeClock;
  readonly #channels = new Map<ChannelId, Channel>();
  readonly #logId = newLogId();
  #number = 0;
  #closed = false;

  constructor(clock: Clock, retention: Retention) {
    this.#clock = clock;
    this.#retention = retention;
    this.#ageClock = new AgeClock(clock);
  }

  async append(id: ChannelId, { dedupId, ...batch }: Batch): Promise<Appended> {
    assert(batch.count > 0);
    if (this.#closed) throw storeUnavailable(new Error("the log is closed"));
    const channel = this.#channel(id);
    const nowMs = this.#clock.monotonicMs();
    for (const [old, { atMs }] of channel.frames) if (nowMs - atMs >= dedupMs) channel.frames.delete(old);
    const before = dedupId === undefined ? undefined : channel.frames.get(dedupId);
    if (before !== undefined) return { position: before.position, repeated: true };
    this.#trim();
    const { line, incarnation } = channel;
    const acceptedAtMs = this.#ageClock.accepted(batch.acceptedAtMs);
    const stored: StoredBatch = { ...batch, acceptedAtMs, sequence: line, line, incarnation };
    channel.batches.push(stored);
    channel.line += batch.count;
    channel.bytes += encodedBytes(batch);
    channel.end = endOf(stored);
    if (dedupId !== undefined) channel.frames.set(dedupId, { position: channel.end, atMs: nowMs });
    wakeAll(channel);
    return { position: endOf(stored), repeated: false };
  }

  follow(id: ChannelId, from: From, signal: AbortSignal, until?: "present"): AsyncIterable<Followed> {
    this.#trim();
    const channel = this.#channel(id);
    return this.#follow(channel, startLine(channel, from), signal, until);
  }

  async lineAfter(_id: ChannelId, position: Position): Promise<number | undefined> {
    return lineOf(position);
  }

  async *#follow(
    channel: Channel,
    from: number | "foreign",
    signal: AbortSignal,
    until: "present" | undefined,
  ): AsyncGenerator<Followed> {
    const start = from === "foreign" ? 0 : from;
    if (from === "foreign" && !signal.aborted && !this.#closed) yield from;
    for (let due = start; ; ) {
      if (signal.aborted || channel.ended || this.#closed) return;
      const batch = channel.batches.find(({ line, count }) => line + count > due);
      if (batch === undefined) {
        if (until === "present") return;
        await changed(channel, signal);
      } else {
        due = batch.line + batch.count;
        yield batch;
      }
    }
  }

  async recent(
    id: ChannelId,
    lines: number,
    { endLine = Number.POSITIVE_INFINITY, bytesMax = Number.POSITIVE_INFINITY }: Within = {},
  ): Promise<{ batches: readonly StoredBatch[]; end: ChannelEnd }> {
    this.#trim();
    const channel = this.#channels.get(id) ?? newChannel("");
    const end = { position: channel.end, line: channel.line };
    const before = channel.batches.filter(({ line }) => line < endLine);
    const beforeLine = Math.min(endLine, channel.line);
    let bytes = 0;
    const batches = before
      .filter(({ line, count }) => line + count > beforeLine - lines)
      .reverse()
      .filter((batch, n) => (bytes += batch.bytes.length) <= bytesMax || n === 0)
      .reverse();
    return { batches, end };
  }

  async destroy(id: ChannelId): Promise<void> {
    const channel = this.#channels.get(id);
    if (channel === undefined) return;
    this.#channels.delete(id);
    channel.ended = true;
    wakeAll(channel);
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const channel of this.#channels.values()) wakeAll(channel);
  }

  #channel(id: ChannelId): Channel {
    let channel = this.#channels.get(id);
    if (channel === undefined)
      this.#channels.set(id, (channel = newChannel(incarnationOf(this.#logId, this.#number++))));
    return channel;
  }

  #trim(): void {
    const { ageMsMax, channelBytesMax, channelLinesMax, totalBytesMax } = this.#retention;
    const oldestMs = this.#ageClock.nowMs() - ageMsMax;
    for (const channel of this.#channels.values()) {
      while (channel.batches.length > 0) {
        const first = channel.batches[0]!;
        const over = channel.bytes > channelBytesMax || channel.line - first.line > channelLinesMax;
        if (!(first.acceptedAtMs < oldestMs || (over && channel.batches.length > 1))) break;
        dropFirst(channel);
      }
    }
    const full = () => [...this.#channels.values()].filter(({ batches }) => batches.length > 0);
    while (totalBytes(this.#channels.values()) > totalBytesMax && full().length > 0) {
      dropFirst(full().reduce((a, b) => (b.batches[0]!.acceptedAtMs < a.batches[0]!.acceptedAtMs ? b : a)));
    }
  }
}

function startLine(channel: Channel, from: From): number | "foreign" {
  switch (from.kind) {
    case "after": {
      const place = readPosition(from.position);
      assert(place !== undefined, "not a position");
      const { incarnation, end, batches } = channel;
      const at = batches.find(({ sequence }) => sequence === place.sequence);
      if (isForeign(place, { incarnation, end, at, oldest: batches[0] })) return "foreign";
      return lineOf(from.position);
    }
    case "last":
      return channel.line - from.lines;
    case "since":
      return channel.batches.find(({ acceptedAtMs }) => acceptedAtMs >= from.timeMs)?.line ?? channel.line;
    case "now":
      return channel.line;
  }
}

// A batch's sequence is the number of its first line.
function lineOf(position: Position): number {
  const place = readPosition(position);
  assert(place !== undefined, "not a position");
  return place.sequence + place.lines;
}

function changed(channel: Channel, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const wake = () => {
      channel.waiting.delete(wake);
      signal.removeEventListener("abort", wake);
      resolve();
    };
    channel.waiting.add(wake);
    signal.addEventListener("abort", wake, { once: true });
  });
}

function wakeAll(channel: Channel): void {
  for (const wake of [...channel.waiting]) wake();
}

function dropFirst(channel: Channel): void {
  channel.bytes -= encodedBytes(channel.batches.shift()!);
}

function totalBytes(channels: Iterable<Channel>): number {
  let total = 0;
  for (const { bytes } of channels) total += bytes;
  return total;
}
