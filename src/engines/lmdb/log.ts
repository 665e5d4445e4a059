/** The log on LMDB: appends through the transactions of `Commits`, reads straight from the disk's pages. */
import assert from "node:assert";
import { type Batch, decodeBatch, encodeBatch, markOf, type StoredBatch } from "../../core/batch.ts";
import type { ChannelId } from "../../core/ids.ts";
import { logOf, origin, type Position, positionAt, readPosition } from "../../core/position.ts";
import { type AppError, storeUnavailable } from "../../errors.ts";
import type { Appended, ChannelEnd, ChannelLog, Followed, From, Within } from "../../ports.ts";
import { turns } from "../../turns.ts";
import type { AgeClock } from "../age-clock.ts";
import { isForeign, isOrigin } from "../incarnation.ts";
import type { Commits, Work } from "./commits.ts";
import type { FrameIds } from "./frame-ids.ts";
import type { End, Heads } from "./heads.ts";
import { type Lines, lineKey } from "./lines.ts";
import { Follower, LiveChannel, LiveWindow, type Start } from "./live.ts";
import type { Trimmer } from "./retention.ts";

type Parts = {
  readonly lines: Lines;
  readonly heads: Heads;
  readonly frameIds: FrameIds;
  readonly ageClock: AgeClock;
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

  follow(channel: ChannelId, from: From, signal: AbortSignal): AsyncIterable<Followed> {
    if (this.#closed) return { [Symbol.asyncIterator]: () => none };
    // The place is fixed now; reading begins with the first pull.
    const number = this.#parts.heads.number(channel);
    const start = number === undefined ? startOfEmpty(from) : this.#start(number, from);
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
    { endLine = Number.POSITIVE_INFINITY, bytesMax = Number.POSITIVE_INFINITY }: Within = {},
  ): Promise<{ batches: readonly StoredBatch[]; end: ChannelEnd }> {
    this.#checkOpen();
    const { heads } = this.#parts;
    const number = heads.number(channel);
    if (number === undefined) return { batches: [], end: { position: origin, line: 0 } };
    const end = heads.end(number);
    const behind = Math.min(endLine, end.line);
    const batches = lines <= 0 ? [] : await this.#before(number, behind, behind - lines, bytesMax);
    return { batches, end: { position: heads.position(number, end), line: end.line } };
  }

  // Backwards from line `endLine` until the batch that holds line `firstLine`, in turns.
  async #before(
    number: number,
    endLine: number,
    firstLine: number,
    bytesMax: number,
  ): Promise<StoredBatch[]> {
    const batches: StoredBatch[] = [];
    let bytes = 0;
    for (let at = endLine; at > 0 && at > firstLine; ) {
      const before = at;
      for (const batch of this.#parts.lines.before(number, at)) {
        bytes += batch.bytes.length;
        if (bytes > bytesMax && batches.length > 0) return batches.reverse();
        batches.push(batch);
        at = batch.line;
        if (at <= firstLine || turns.isOver) break;
      }
      if (at === before) break; // what is older is trimmed
      if (turns.isOver) await turns.next();
      this.#checkOpen();
    }
    return batches.reverse();
  }

  #checkOpen(): void {
    if (this.#closed) throw storeUnavailable(new Error("the log is closed"));
  }

  destroy(channel: ChannelId): Promise<void> {
    const { commits, heads, trimmer } = this.#parts;
    return new Promise((resolve, reject) => {
      commits.submit({
        use: "upkeep",
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

  #start(number: number, from: From): Start {
    const { heads, lines } = this.#parts;
    const end = heads.end(number);
    switch (from.kind) {
      case "after":
        return this.#startAfter(number, from.position, end);
      case "last":
        return { line: Math.max(0, end.line - from.lines) };
      case "since":
        return { line: lines.since(number, from.timeMs, end.line) };
      case "now":
        return { line: end.line };
    }
  }

  #startAfter(number: number, position: Position, end: End): Start {
    const { heads, lines } = this.#parts;
    const place = readPosition(position);
    assert(place !== undefined, "not a position");
    const found = lines.holding(number, place.sequence)?.batch;
    const foreign = isForeign(place, {
      incarnation: lines.incarnation(number),
      end: heads.position(number, end),
      at: found?.line === place.sequence ? found : undefined,
      oldest: found,
    });
    return foreign ? { line: 0, foreign } : { line: place.sequence + place.lines };
  }
}

/** Where a follower of a channel begins that never had a line. */
function startOfEmpty(from: From): Start {
  const place = from.kind === "after" ? readPosition(from.position) : undefined;
  return place === undefined || isOrigin(place) ? { line: 0 } : { line: 0, foreign: true };
}

const none: AsyncIterator<Followed, undefined> = {
  next: () => Promise.resolve({ done: true, value: undefined }),
};

/** One append on its way to the disk. */
class Append implements Work {
  readonly use = "intake";
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
    const acceptedAtMs = parts.ageClock.accepted(batch.acceptedAtMs);
    this.#batch = acceptedAtMs === batch.acceptedAtMs ? batch : { ...batch, acceptedAtMs };
    this.#encoded = encodeBatch(this.#batch);
    this.bytes = this.#encoded.length;
    this.#resolve = resolve;
    this.failed = reject;
  }

  write(): void {
    const { commits, frameIds, heads, lines, trimmer } = this.#parts;
    const { acceptedAtMs, count, frameId } = this.#batch;
    const found = heads.find(this.#channel);
    const head = found ?? heads.create(this.#channel, commits);
    this.#number = head.number;
    const before = found && frameId !== undefined ? frameIds.find(found.number, frameId) : undefined;
    this.#repeated = before !== undefined;
    if (before !== undefined) {
      this.#line = before.line;
      this.#count = before.count;
      return;
    }
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
    const incarnation = this.#parts.lines.incarnation(this.#number);
    const mark = this.#repeated ? undefined : markOf(this.#batch);
    const position = positionAt(this.#line, this.#count, logOf(incarnation, mark));
    const live = this.#repeated ? undefined : this.#live.get(this.#channel);
    if (live !== undefined) {
      const place = { sequence: this.#line, line: this.#line, incarnation };
      // The stored form's own bytes: a follower that keeps them keeps no request body alive.
      live.publish(this.#number, decodeBatch(this.#encoded, place));
    }
    this.#resolve({ position, repeated: this.#repeated });
  }
}
