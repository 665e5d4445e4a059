/**
 * The newest lines of the apps that people read. Each app has a ring, which is filled from the log when somebody first
 * asks, and then follows the channel until it is evicted. All rings together are bounded in bytes; the ring that was
 * read least recently goes first. `lru-cache` counts a new size of an entry as a use of it, which would keep busy apps
 * that nobody reads, so the rings are in a Map in order of use.
 */
import { endOf, markOf, ownBatch, type StoredBatch } from "../core/batch/batch.ts";
import type { ChannelId } from "../core/ids.ts";
import { isSamePlace, type Place, type Position, readPosition } from "../core/position.ts";
import type { ChannelEnd, ChannelLog, Clock } from "../ports.ts";

export type RecentOptions = {
  readonly log: ChannelLog;
  readonly clock: Clock;
  /** Lines that a ring holds; a little more, as batches stay whole. */
  readonly historyLines: number;
  /** Lines accepted longer ago are not shown. */
  readonly expiryMs: number;
  /** Bytes of all rings together. */
  readonly ringsBytesMax: number;
};

/** The newest batches of a channel, oldest first, none missing between them, up to `end`. */
export type History = { readonly batches: readonly StoredBatch[]; readonly end: ChannelEnd };

type Ring = {
  batches: StoredBatch[];
  lines: number;
  bytes: number;
  end: ChannelEnd;
  readonly evicted: AbortController;
};

// The cost of a batch and of a ring besides the lines: objects, a follower.
const batchOverheadBytes = 400;
const ringOverheadBytes = 4096;
const pooledBytesMax = 8192; // Node's pool for small buffers: a view of it pins no more

/** Rings by channel. */
export class Recent {
  readonly #options: RecentOptions;
  readonly #rings = new Map<ChannelId, Ring>(); // least recently read first
  readonly #filling = new Map<ChannelId, Promise<Ring>>();
  readonly #following = new Set<Promise<void>>();
  #bytes = 0;
  #closed = false;

  constructor(options: RecentOptions) {
    this.#options = options;
  }

  /** Bytes that all rings hold. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The channel's newest lines that are not too old, and where its log ends. Keep it no longer than a turn: it grows. */
  async read(channel: ChannelId): Promise<History> {
    const ring = this.#rings.get(channel) ?? (await this.#fill(channel));
    this.#touch(channel, ring);
    const { acceptedMsMin } = this;
    let first = ring.batches.length;
    while (first > 0 && ring.batches[first - 1]!.acceptedAtMs >= acceptedMsMin) first--;
    return { batches: first === 0 ? ring.batches : ring.batches.slice(first), end: ring.end };
  }

  /** The batch that holds the line behind `position`, when a ring has it; asking is no use of the ring. */
  next(channel: ChannelId, position: Position): StoredBatch | undefined {
    const place = readPosition(position);
    if (place === undefined) return undefined;
    const found = this.#first(channel, ({ sequence }) => sequence >= place.sequence);
    // Only the log knows what was before the first batch of the ring, and whether a place is of this log at all.
    if (found === undefined || !isIn(found.batch, place)) return undefined;
    return place.lines < found.batch.count ? found.batch : found.next;
  }

  /** The running number of the line behind `position`; undefined where the log cannot tell any more. */
  async lineBehind(channel: ChannelId, position: Position): Promise<number | undefined> {
    const place = readPosition(position);
    if (place === undefined) return undefined;
    const found = this.#first(channel, ({ sequence }) => sequence >= place.sequence)?.batch;
    if (found !== undefined && isIn(found, place)) return found.line + place.lines;
    return this.#options.log.lineBehind(channel, position);
  }

  /** The batch that holds line `line` of the channel, when a ring has it; asking is no use of the ring. */
  holding(channel: ChannelId, line: number): StoredBatch | undefined {
    const found = this.#first(channel, (batch) => batch.line + batch.count > line)?.batch;
    return found !== undefined && found.line <= line ? found : undefined;
  }

  /** True when a ring says that nothing is stored behind `position`; asking is no use of the ring. */
  isEnd(channel: ChannelId, position: Position): boolean {
    const ring = this.#rings.get(channel);
    return ring !== undefined && isSamePlace(ring.end.position, position);
  }

  /** The time of acceptance before which lines are not shown. */
  get acceptedMsMin(): number {
    return this.#options.clock.nowMs() - this.#options.expiryMs;
  }

  /** Idempotent. Drops every ring and waits for their followers. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const [channel, ring] of this.#rings) this.#drop(channel, ring);
    await Promise.allSettled(this.#filling.values());
    await Promise.all(this.#following);
  }

  // The first batch of a ring for which `holds` is true, as for all behind it.
  #first(channel: ChannelId, holds: (batch: StoredBatch) => boolean) {
    const batches = this.#rings.get(channel)?.batches ?? [];
    let low = 0;
    let high = batches.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (holds(batches[middle]!)) high = middle;
      else low = middle + 1;
    }
    const batch = batches[low];
    return batch && { batch, next: batches[low + 1] };
  }

  #fill(channel: ChannelId): Promise<Ring> {
    const filling =
      this.#filling.get(channel) ?? this.#load(channel).finally(() => this.#filling.delete(channel));
    this.#filling.set(channel, filling);
    return filling;
  }

  async #load(channel: ChannelId): Promise<Ring> {
    const { batches, end } = await this.#options.log.recent(channel, this.#options.historyLines);
    const ring: Ring = {
      batches: [],
      lines: 0,
      bytes: ringOverheadBytes,
      end,
      evicted: new AbortController(),
    };
    for (const batch of batches) addBatch(ring, batch, this.#options.historyLines);
    ring.end = end;
    if (this.#closed) return ring;
    this.#rings.set(channel, ring);
    this.#bytes += ring.bytes;
    this.#evict(); // a ring larger than all may be is read once and goes at once
    const following = this.#follow(channel, ring).finally(() => this.#following.delete(following));
    this.#following.add(following);
    return ring;
  }

  // Ends when the ring is evicted, the channel destroyed, or the log fails: then the next reader meets the failure.
  async #follow(channel: ChannelId, ring: Ring): Promise<void> {
    const { log, historyLines } = this.#options;
    const { signal } = ring.evicted;
    try {
      for await (const batch of log.follow(channel, { kind: "after", position: ring.end.position }, signal)) {
        if (signal.aborted || batch === "foreign") return;
        const bytesBefore = ring.bytes;
        addBatch(ring, batch, historyLines);
        this.#bytes += ring.bytes - bytesBefore;
        this.#evict();
      }
    } catch {
      // told to the next reader
    } finally {
      this.#drop(channel, ring);
    }
  }

  #touch(channel: ChannelId, ring: Ring): void {
    if (this.#rings.get(channel) !== ring) return;
    this.#rings.delete(channel);
    this.#rings.set(channel, ring);
  }

  #evict(): void {
    for (const [channel, ring] of this.#rings) {
      if (this.#bytes <= this.#options.ringsBytesMax) return;
      this.#drop(channel, ring);
    }
  }

  #drop(channel: ChannelId, ring: Ring): void {
    ring.evicted.abort();
    if (this.#rings.get(channel) !== ring) return;
    this.#rings.delete(channel);
    this.#bytes -= ring.bytes;
  }
}

function addBatch(ring: Ring, batch: StoredBatch, historyLines: number): void {
  const newest = ring.batches.at(-1);
  const isGap = newest !== undefined && batch.line !== newest.line + newest.count; // retention passed the ring
  if (isGap) dropOldest(ring, ring.batches.length);
  const own = compact(batch);
  ring.batches.push(own);
  ring.lines += own.count;
  ring.bytes += bytesOf(own);
  while (ring.lines - ring.batches[0]!.count >= historyLines) dropOldest(ring, 1);
  ring.end = { position: endOf(batch), line: batch.line + batch.count };
}

function dropOldest(ring: Ring, batches: number): void {
  for (const batch of ring.batches.splice(0, batches)) {
    ring.lines -= batch.count;
    ring.bytes -= bytesOf(batch);
  }
}

/** True for a place of this batch. */
const isIn = (batch: StoredBatch, { sequence, lines, incarnation, mark }: Place): boolean =>
  batch.sequence === sequence &&
  lines <= batch.count &&
  (incarnation ?? batch.incarnation) === batch.incarnation &&
  (mark === undefined || mark === markOf(batch));

const bytesOf = (batch: StoredBatch): number => batch.bytes.length + batchOverheadBytes;

// A view may pin far more memory than it shows, and memory that is used again would not be while it is here, which may be for
// hours: then the ring has lines of its own.
function compact(batch: StoredBatch): StoredBatch {
  const { memory, bytes } = batch;
  const pinnedBytes = bytes.buffer.byteLength;
  const isCompact = pinnedBytes <= pooledBytesMax || pinnedBytes <= 2 * bytes.length;
  if (memory === undefined && isCompact) return batch;
  const own = ownBatch(batch);
  memory?.release();
  return own;
}
