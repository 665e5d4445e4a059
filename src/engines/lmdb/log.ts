/** The log on LMDB: appends through the transactions of `Commits`, reads straight from the disk's pages. */
import assert from "node:assert";
import { setImmediate as turn } from "node:timers/promises";
import { type Batch, decodeBatch, encodeBatch, type StoredBatch } from "../../core/batch.ts";
import type { ChannelId } from "../../core/ids.ts";
import { positionAt, readPosition } from "../../core/position.ts";
import { type AppError, storeUnavailable } from "../../errors.ts";
import type { Appended, ChannelEnd, ChannelLog, From } from "../../ports.ts";
import type { Commits, Work } from "./commits.ts";
import type { FrameIds } from "./frame-ids.ts";
import type { Heads } from "./heads.ts";
import { type Lines, lineKey } from "./lines.ts";
import { Follower, LiveChannel, LiveWindow } from "./live.ts";
import type { Trimmer } from "./retention.ts";

/** After reading this much without a pause `recent` lets others have their turn. */
const turnBytesMax = 256 * 1024;

type Parts = {
  readonly lines: Lines;
  readonly heads: Heads;
  readonly frameIds: FrameIds;
  readonly trimmer: Trimmer;
  readonly commits: Commits;
};

export class LmdbLog implements ChannelLog {
  readonly #parts: Parts;
  readonly #live = new Map<ChannelId, LiveChannel>();
  readonly #window = new LiveWindow();
  #closed = false;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  append(channel: ChannelId, batch: Batch): Promise<Appended> {
    assert(batch.count > 0);
    return new Promise((resolve, reject) => {
      if (this.#closed) reject(storeUnavailable(new Error("the log is closed")));
      else this.#parts.commits.submit(new Append(this.#parts, this.#live, channel, batch, resolve, reject));
    });
  }

  follow(channel: ChannelId, from: From, signal: AbortSignal): AsyncIterable<StoredBatch> {
    if (this.#closed) return { [Symbol.asyncIterator]: () => none };
    // The place is fixed now; reading begins with the first pull.
    const number = this.#parts.heads.number(channel);
    const endLine = number === undefined ? 0 : this.#parts.heads.end(number).line;
    const start = this.#startLine(number, endLine, from);
    return {
      [Symbol.asyncIterator]: () => {
        if (this.#closed || signal.aborted) return none;
        return new Follower(this.#liveChannel(channel), start, signal);
      },
    };
  }

  async recent(
    channel: ChannelId,
    lines: number,
  ): Promise<{ batches: readonly StoredBatch[]; end: ChannelEnd }> {
    if (this.#closed) throw storeUnavailable(new Error("the log is closed"));
    const { heads, lines: stored } = this.#parts;
    const number = heads.number(channel);
    const end = number === undefined ? { line: 0, bytes: 0, last: 0 } : heads.end(number);
    const batches: StoredBatch[] = [];
    let readBytes = 0;
    if (number !== undefined && lines > 0) {
      let place = stored.holding(number, Math.max(0, end.line - lines));
      while (place !== undefined && place.batch.line < end.line) {
        batches.push(place.batch);
        readBytes += place.batch.bytes.length;
        if (readBytes > turnBytesMax) {
          readBytes = 0;
          await turn();
          if (this.#closed) throw storeUnavailable(new Error("the log is closed"));
        }
        const next = place.batch.line + place.batch.count;
        place = stored.at(number, next, place.bytesAfter) ?? stored.holding(number, next);
      }
    }
    return { batches, end: { position: positionAt(end.last, end.line - end.last), line: end.line } };
  }

  destroy(channel: ChannelId): Promise<void> {
    const { commits, heads, trimmer } = this.#parts;
    return new Promise((resolve, reject) => {
      commits.submit({
        bytes: 0,
        write() {
          const head = heads.find(channel);
          if (head === undefined) return;
          heads.remove(channel, commits);
          trimmer.bury(head.number);
        },
        stored: () => {
          this.#live.get(channel)?.end();
          resolve();
        },
        failed: reject,
      });
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const live of [...this.#live.values()]) live.end();
    await this.#parts.commits.idle();
  }

  #liveChannel(channel: ChannelId): LiveChannel {
    const known = this.#live.get(channel);
    if (known !== undefined) return known;
    const { heads, lines } = this.#parts;
    const number = heads.number(channel);
    const endLine = number === undefined ? 0 : heads.end(number).line;
    const live: LiveChannel = new LiveChannel(lines, this.#window, number, endLine, () => {
      if (this.#live.get(channel) === live) this.#live.delete(channel);
    });
    this.#live.set(channel, live);
    return live;
  }

  #startLine(number: number | undefined, endLine: number, from: From): number {
    switch (from.kind) {
      case "after": {
        const place = readPosition(from.position);
        assert(place !== undefined, "not a position");
        return Math.min(place.sequence + place.lines, endLine);
      }
      case "last":
        return Math.max(0, endLine - from.lines);
      case "since":
        return number === undefined ? 0 : this.#parts.lines.since(number, from.timeMs, endLine);
      case "now":
        return endLine;
    }
  }
}

const none: AsyncIterator<StoredBatch, undefined> = {
  next: () => Promise.resolve({ done: true, value: undefined }),
};

/** One append on its way to the disk. */
class Append implements Work {
  readonly bytes: number;
  readonly #parts: Parts;
  readonly #live: ReadonlyMap<ChannelId, LiveChannel>;
  readonly #channel: ChannelId;
  readonly #encoded: Buffer;
  readonly #batch: Batch;
  readonly #resolve: (appended: Appended) => void;
  readonly failed: (error: AppError) => void;
  /** What `write` came to: the channel's number and the line, or the append that this one repeats. */
  #number = 0;
  #line = 0;
  #count = 0;
  #repeated = false;

  constructor(
    parts: Parts,
    live: ReadonlyMap<ChannelId, LiveChannel>,
    channel: ChannelId,
    batch: Batch,
    resolve: (appended: Appended) => void,
    reject: (error: AppError) => void,
  ) {
    this.#parts = parts;
    this.#live = live;
    this.#channel = channel;
    this.#batch = batch;
    this.#encoded = encodeBatch(batch);
    this.bytes = this.#encoded.length;
    this.#resolve = resolve;
    this.failed = reject;
  }

  write(): void {
    const { commits, frameIds, heads, lines, trimmer } = this.#parts;
    const { acceptedAtMs, count, frameId } = this.#batch;
    const found = heads.find(this.#channel);
    const before = found && frameId !== undefined ? frameIds.find(found.number, frameId) : undefined;
    this.#repeated = before !== undefined;
    if (before !== undefined) {
      this.#line = before.line;
      this.#count = before.count;
      return;
    }
    const head = found ?? heads.create(this.#channel, commits);
    this.#number = head.number;
    this.#line = head.line;
    this.#count = count;
    commits.put(lines.db, lineKey(head.number, head.line, head.bytes), this.#encoded);
    head.last = head.line;
    head.line += count;
    head.bytes += this.#encoded.length;
    if (frameId !== undefined) frameIds.add(head.number, frameId, { line: this.#line, count }, commits);
    trimmer.appended(head, acceptedAtMs);
  }

  stored(): void {
    const position = positionAt(this.#line, this.#count);
    if (!this.#repeated) {
      const live = this.#live.get(this.#channel);
      // The stored form's own bytes: a follower that keeps them keeps no request body alive.
      if (live !== undefined) live.publish(this.#number, decodeBatch(this.#encoded, this.#line, this.#line));
    }
    this.#resolve({ position, repeated: this.#repeated });
  }
}
