/**
 * The newest lines of the apps that people read. Each app has a ring, which is filled from the log when somebody
 * first asks, and then follows the channel until it is evicted. All rings together are bounded in bytes; the least
 * recently read ring goes first. `lru-cache` would count a new size of an entry as a use, and so keep busy apps that
 * nobody reads; therefore the rings are in a Map in order of use.
 */
import { compactBatch, endOf, markOf, type StoredBatch } from "../core/batch/batch.ts";
import type { ChannelId } from "../core/ids.ts";
import { isSamePlace, type Place, type Position, readPosition } from "../core/position.ts";
import type { ChannelEnd, ChannelLog, Clock } from "../ports.ts";
import { joined } from "../turns.ts";

export type RecentOptions = {
  readonly log: ChannelLog;
  readonly clock: Clock;
  /** Lines in a ring; slightly more, since batches stay whole. */
  readonly historyLines: number;
  /** Lines accepted longer ago are not shown. */
  readonly expiryMs: number;
  /** Bytes of all rings together. */
  readonly ringsBytesMax: number;
};

/** The newest batches of a channel, oldest first and without gaps, up to `end`. */
export type History = { readonly batches: readonly StoredBatch[]; readonly end: ChannelEnd };

type Ring = {
  batches: StoredBatch[];
  lines: number;
  bytes: number;
  end: ChannelEnd;
  readonly evicted: AbortController;
};

// Memory of a batch and of a ring besides their lines: objects, a follower.
const batchOverheadBytes = 400;
const ringOverheadBytes = 4096;

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

  /** Memory of all rings. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The channel's newest lines that are not too old, and where its log ends. */
  async read(channel: ChannelId): Promise<History> {
    const ring = this.#rings.get(channel) ?? (await this.#fill(channel));
    this.#touch(channel, ring);
    const { acceptedMsMin } = this;
    // From the oldest on: a batch that came while the clock was far behind does not hide those before it.
    let first = 0;
    while (first < ring.batches.length && ring.batches[first]!.acceptedAtMs < acceptedMsMin) first++;
    return { batches: ring.batches.slice(first), end: ring.end }; // the ring goes on while the caller waits for more
  }

  /** The batch with the line after `position`, if a ring has it. Does not count as a use of the ring. */
  next(channel: ChannelId, position: Position): StoredBatch | undefined {
    const place = readPosition(position);
    if (place === undefined) return undefined;
    const found = this.#first(channel, ({ sequence }) => sequence >= place.sequence);
    // Only the log knows what came before the first batch of the ring, and whether a place belongs to this log at
    // all.
    if (found === undefined || !isIn(found.batch, place)) return undefined;
    return place.lines < found.batch.count ? found.batch : found.next;
  }

  /** The running number of the line after `position`; undefined if the log can no longer tell. */
  async lineAfter(channel: ChannelId, position: Position): Promise<number | undefined> {
    const place = readPosition(position);
    if (place === undefined) return undefined;
    const found = this.#first(channel, ({ sequence }) => sequence >= place.sequence)?.batch;
    if (found !== undefined && isIn(found, place)) return found.line + place.lines;
    return this.#options.log.lineAfter(channel, position);
  }

  /** The batch with line `line` of the channel, if a ring has it. Does not count as a use of the ring. */
  holding(channel: ChannelId, line: number): StoredBatch | undefined {
    const found = this.#first(channel, (batch) => batch.line + batch.count > line)?.batch;
    return found !== undefined && found.line <= line ? found : undefined;
  }

  /** True when a ring knows that nothing is stored after `position`. Does not count as a use of the ring. */
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

  // The first batch of a ring for which `holds` is true; it must be true for all later ones.
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
    const asked = this.#filling.get(channel);
    if (asked !== undefined) return joined(asked, channel);
    const filling = this.#load(channel).finally(() => this.#filling.delete(channel));
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
    this.#evict(); // a ring that exceeds the bound by itself is read once and then goes
    const following = this.#follow(channel, ring).finally(() => this.#following.delete(following));
    this.#following.add(following);
    return ring;
  }

  // Ends when the ring is evicted, the channel is destroyed, or the log fails; the next reader then meets the
  // failure.
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
      // The next reader meets the failure.
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
  const isGap = newest !== undefined && batch.line !== newest.line + newest.count; // retention overtook the ring
  if (isGap) dropOldest(ring, ring.batches.length);
  const own = compactBatch(batch); // it may be here for hours
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

/** True if the place is in this batch. */
const isIn = (batch: StoredBatch, { sequence, lines, incarnation, mark }: Place): boolean =>
  batch.sequence === sequence &&
  lines <= batch.count &&
  (incarnation ?? batch.incarnation) === batch.incarnation &&
  (mark === undefined || mark === markOf(batch));

const bytesOf = (batch: StoredBatch): number => batch.bytes.length + batchOverheadBytes;
