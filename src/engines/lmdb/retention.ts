/**
 * Removes what is too old, too much of one channel, too much in all, or of destroyed channels: a little with each
 * transaction, and by a slow tick when nothing is appended. Ages are found through marks `[end of a stretch of time,
 * channel]`, one for each stretch in which a channel had an append: the oldest lines of all lie behind the first mark.
 */
import { markOf } from "../../core/batch.ts";
import type { Clock } from "../../ports.ts";
import type { AgeClock } from "../age-clock.ts";
import type { Retention as Limits } from "../engine.ts";
import type { Commits } from "./commits.ts";
import type { FrameIds } from "./frame-ids.ts";
import { type Head, type Heads, numberKey } from "./heads.ts";
import type { BinaryDb, Lines } from "./lines.ts";

/** Batches that one transaction removes: some, and more than it adds, so that trimming keeps up. */
const removalsMin = 64;
const removalsForEachWork = 4;
const removalsForEachHeadMin = 16;
const marksForEachTrim = 1024;
const keysAtOnce = 32;
/** The tick: how often it looks, and how fast it goes on while there is more. */
const lookMs = 1000;
const pauseMs = 20;
const stretchMsMax = 60_000;
const keepMs = 60_000;
const timeKey = Buffer.from("time");

type Parts = {
  readonly clock: Clock;
  readonly ageClock: AgeClock;
  readonly limits: Limits;
  readonly lines: Lines;
  readonly heads: Heads;
  readonly frameIds: FrameIds;
  readonly commits: Commits;
  readonly ages: BinaryDb;
  readonly meta: BinaryDb;
  readonly graves: BinaryDb;
};

export class Trimmer {
  readonly #parts: Parts;
  readonly #stretchMs: number;
  readonly #low: ChannelLimits;
  /** Heads of channels that are over their own limits. */
  readonly #over = new Set<Head>();
  readonly #stop = new AbortController();
  #keptMs = Number.NEGATIVE_INFINITY;
  #ticking: Promise<void> | undefined;
  /** Batches, marks and ids that the last `trim` removed. */
  #removed = 0;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#low = {
      channelBytesMax: aLittleBelow(parts.limits.channelBytesMax),
      channelLinesMax: aLittleBelow(parts.limits.channelLinesMax),
    };
    this.#stretchMs = Math.min(stretchMsMax, Math.max(1, Math.ceil(parts.limits.ageMsMax / 64)));
  }

  /** Inside `write`: a batch was added to `head`'s channel. */
  appended(head: Head, acceptedAtMs: number): void {
    const isEarlier = acceptedAtMs < head.agesUntilMs - this.#stretchMs; // the clock went back
    if (acceptedAtMs >= head.agesUntilMs || isEarlier) {
      head.agesUntilMs = (Math.floor(acceptedAtMs / this.#stretchMs) + 1) * this.#stretchMs;
      this.#parts.commits.put(this.#parts.ages, ageKey(head.agesUntilMs, head.number), present);
    }
    if (isOver(this.#parts.limits, head, head.firstLine, head.firstBytes)) this.#over.add(head);
  }

  /** Inside `write`: everything of this channel is to go. */
  bury(number: number): void {
    this.#parts.commits.put(this.#parts.graves, numberKey(number), present);
  }

  /** Inside the forming of a transaction: removes a bounded part of what is to go. */
  trim(works: number): void {
    let budget = removalsMin + works * removalsForEachWork;
    this.#removed = 0;
    budget -= this.#trimChannels(budget);
    budget -= this.#trimGraves(budget);
    budget -= this.#parts.frameIds.trim(budget, this.#parts.commits);
    this.#trimOldest(budget);
    this.#keepTime();
  }

  /** A transaction failed: what was known of its heads is not so. */
  forget(): void {
    this.#over.clear();
  }

  /** Starts the tick. */
  start(): void {
    this.#ticking ??= this.#tick(this.#stop.signal);
  }

  /** Stops the tick and waits for it. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#ticking;
  }

  async #tick(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#parts.clock.sleep(this.#removed > 0 ? pauseMs : lookMs, signal);
      if (!signal.aborted && this.#isDue()) await this.#trimAlone();
      else this.#removed = 0;
    }
  }

  /** A transaction for the trimming alone. A failure is told where it arose; the next tick tries again. */
  #trimAlone(): Promise<void> {
    return new Promise((resolve) => {
      const failed = () => {
        this.#removed = 0;
        resolve();
      };
      this.#parts.commits.submit({ use: "upkeep", bytes: 0, write: () => {}, stored: resolve, failed });
    });
  }

  #isDue(): boolean {
    const { ages, commits, frameIds, graves, limits, lines } = this.#parts;
    if (!commits.isThere()) return false;
    if (this.#over.size > 0 || this.#removed > 0) return true;
    if (lines.diskBytes() > limits.totalBytesMax) return true;
    if (hasKey(graves) || frameIds.isDue()) return true;
    for (const key of ages.getKeys({ start: lowest, limit: 1 }))
      return key.readUIntBE(0, 6) <= this.#oldestMs();
    return false;
  }

  #trimChannels(budget: number): number {
    const share = Math.max(removalsForEachHeadMin, Math.ceil(budget / (this.#over.size || 1)));
    let removed = 0;
    for (const head of [...this.#over]) {
      if (removed >= budget) break;
      this.#over.delete(head);
      const gone = this.#trimChannel(head, share);
      removed += gone.batches;
      // The others have their turn before this one goes on.
      if (!gone.done) this.#over.add(head);
    }
    return removed;
  }

  /** Brings a channel under its own limits by removing its oldest batches, at most `limit`. */
  #trimChannel(head: Head, limit: number) {
    let batches = 0;
    let keys = this.#parts.lines.oldest(head.number, keysAtOnce);
    for (let at = 0; at < keys.length; at++) {
      const { key, line, bytesBefore } = keys[at]!;
      head.firstLine = line;
      head.firstBytes = bytesBefore;
      // A batch goes only when the one behind it is there: the newest stays, whatever the limits.
      if (line === head.last || !isOver(this.#low, head, line, bytesBefore)) return { batches, done: true };
      if (batches === limit) break;
      if (at === keys.length - 1) {
        const behind = this.#parts.lines.oldest(head.number, keysAtOnce, line + 1);
        if (behind.length === 0) break;
        keys = behind;
        at = -1;
      }
      this.#remove(key);
      batches++;
    }
    return { batches, done: keys.length === 0 };
  }

  #trimGraves(budget: number): number {
    const { graves, heads, lines, commits } = this.#parts;
    for (const grave of graves.getKeys({ start: lowest, limit: 1 })) {
      const number = grave.readUInt32BE(0);
      const keys = lines.oldest(number, budget);
      for (const { key } of keys) this.#remove(key);
      if (keys.length < budget) {
        heads.dropEnd(number, commits);
        commits.remove(graves, grave);
        this.#removed++;
      }
      return keys.length;
    }
    return 0;
  }

  /** Follows the marks, oldest first, while they are too old or all channels together hold too much. */
  #trimOldest(budget: number): void {
    const { lines, limits, commits, ages } = this.#parts;
    const oldestMs = this.#oldestMs();
    const stretchEndMs = this.#parts.ageClock.nowMs() - this.#stretchMs;
    let excess = lines.diskBytes() - limits.totalBytesMax;
    let left = budget;
    for (const key of ages.getKeys({ start: lowest, limit: marksForEachTrim })) {
      const endMs = key.readUIntBE(0, 6);
      const isOld = endMs <= oldestMs;
      if ((!isOld && excess <= 0) || left <= 0) break;
      const gone = this.#trimBefore(key.readUInt32BE(6), endMs, left, isOld ? Infinity : excess);
      left -= gone.batches;
      excess -= gone.bytes;
      // Batches may still come into a stretch that is not over: its mark stays.
      if (gone.done && endMs <= stretchEndMs) {
        commits.remove(ages, key);
        this.#removed++;
      }
    }
  }

  /** Removes a channel's oldest batches that were accepted before `untilMs`: at most `limit`, and about `excess` bytes. */
  #trimBefore(channel: number, untilMs: number, limit: number, excess: number) {
    const { lines, heads, commits } = this.#parts;
    let bytes = 0;
    let batches = 0;
    let keys = lines.oldest(channel, keysAtOnce);
    for (let at = 0; at < keys.length; at++) {
      if (bytes >= excess || batches === limit) return { batches, bytes, done: false };
      const { key, line, bytesBefore } = keys[at]!;
      const { batch, bytesAfter } = lines.at(channel, line, bytesBefore)!;
      if (batch.acceptedAtMs >= untilMs) break;
      this.#remove(key);
      batches++;
      bytes += bytesAfter - bytesBefore;
      if (at < keys.length - 1) continue;
      keys = lines.oldest(channel, keysAtOnce, line + batch.count);
      at = -1;
      if (keys.length > 0) continue;
      const end = { line: line + batch.count, bytes: bytesAfter, last: line, mark: markOf(batch) };
      heads.keepEnd(channel, end, commits);
    }
    return { batches, bytes, done: true };
  }

  /** Writes down, once a minute at most, what time it is: the next start has no other witness. */
  #keepTime(): void {
    const { ageClock, commits, meta } = this.#parts;
    const { timeMs } = ageClock;
    if (Math.abs(timeMs - this.#keptMs) < keepMs) return;
    this.#keptMs = timeMs;
    const record = Buffer.allocUnsafe(8);
    record.writeDoubleLE(timeMs, 0);
    commits.put(meta, timeKey, record);
  }

  #remove(key: Buffer): void {
    this.#parts.commits.remove(this.#parts.lines.db, key);
    this.#removed++;
  }

  #oldestMs(): number {
    return this.#parts.ageClock.nowMs() - this.#parts.limits.ageMsMax;
  }
}

/** The time that was written down last, for an `AgeClock`. */
export const keptTime = (meta: BinaryDb): number | undefined => meta.get(timeKey)?.readDoubleLE(0);

const lowest = Buffer.alloc(1);
const present = Buffer.from([1]);

type ChannelLimits = Pick<Limits, "channelBytesMax" | "channelLinesMax">;

const isOver = (limits: ChannelLimits, head: Head, firstLine: number, firstBytes: number): boolean =>
  head.bytes - firstBytes > limits.channelBytesMax || head.line - firstLine > limits.channelLinesMax;

/** A channel over its limit is trimmed to a little below it, so that not every append has to look for the oldest. */
const aLittleBelow = (limit: number): number =>
  limit === Infinity ? limit : limit - Math.floor(limit / 2 ** 20) * 2 ** 13;

const hasKey = (db: BinaryDb): boolean => {
  for (const _ of db.getKeys({ start: lowest, limit: 1 })) return true;
  return false;
};

function ageKey(endMs: number, channel: number): Buffer {
  const key = Buffer.allocUnsafe(10);
  key.writeUIntBE(endMs, 0, 6);
  key.writeUInt32BE(channel, 6);
  return key;
}
