/**
 * The stored batches of all channels. The key of a batch is its channel's number, the running number of its first
 * line and the bytes stored in the channel before it: the differences of two keys are exact counts of lines and bytes,
 * so no counter has to be kept beside the batches, and none can be wrong after a crash. Why this order of keys:
 * docs/decisions/001-key-order.md.
 */
import type { Database } from "lmdb";
import { decodeBatch, type StoredBatch } from "../../core/batch.ts";
import { incarnationOf } from "../incarnation.ts";

export type BinaryDb = Database<Buffer, Buffer>;

/** A stored batch, and how many bytes its channel ever stored before it and with it. */
export type Place = {
  readonly batch: StoredBatch;
  readonly bytesBefore: number;
  readonly bytesAfter: number;
};

/** What a key alone tells of a batch. */
export type LineKey = { readonly key: Buffer; readonly line: number; readonly bytesBefore: number };

const numberMax = 2 ** 48 - 1;

/** Keys sort by channel, then line. Both numbers end at 2^48. */
export function lineKey(channel: number, line: number, bytesBefore: number): Buffer {
  const key = Buffer.allocUnsafe(16);
  key.writeUInt32BE(channel, 0);
  key.writeUIntBE(line, 4, 6);
  key.writeUIntBE(bytesBefore, 10, 6);
  return key;
}

const readLineKey = (key: Buffer): LineKey => ({
  key,
  line: key.readUIntBE(4, 6),
  bytesBefore: key.readUIntBE(10, 6),
});

/** Reads batches. Every buffer it gives is a copy that stays valid. */
export class Lines {
  readonly db: BinaryDb;
  readonly #logId: string;

  constructor(db: BinaryDb, logId: string) {
    this.db = db;
    this.#logId = logId;
  }

  /** The name of the life of the channel with this number. */
  incarnation(channel: number): string {
    return incarnationOf(this.#logId, channel);
  }

  /** The batch at exactly this place. */
  at(channel: number, line: number, bytesBefore: number): Place | undefined {
    const stored = this.db.get(lineKey(channel, line, bytesBefore));
    return stored && this.#place(stored, channel, { line, bytesBefore });
  }

  /** The batch that holds line `line`, else the first one behind it. */
  holding(channel: number, line: number): Place | undefined {
    const before = this.#one(lineKey(channel, line, numberMax), lineKey(channel, 0, 0), true);
    if (before !== undefined && before.batch.line + before.batch.count > line) return before;
    return this.#one(lineKey(channel, line, 0), lineKey(channel, numberMax, numberMax), false);
  }

  /** The batches of a channel that begin before line `line`, newest first, as they are when the reading begins. */
  *before(channel: number, line: number): Generator<StoredBatch, void, void> {
    if (line <= 0) return;
    const range = {
      start: lineKey(channel, line - 1, numberMax),
      end: lineKey(channel, 0, 0),
      reverse: true,
      inclusiveEnd: true,
    };
    for (const { key, value } of this.db.getRange(range)) {
      yield this.#place(value, channel, readLineKey(key)).batch;
    }
  }

  /** The newest batch of a channel. */
  newest(channel: number): Place | undefined {
    return this.#one(lineKey(channel, numberMax, numberMax), lineKey(channel, 0, 0), true);
  }

  /** Up to `limit` keys of a channel from line `line` on, oldest first. */
  oldest(channel: number, limit: number, line = 0): LineKey[] {
    const range = {
      start: lineKey(channel, line, 0),
      end: lineKey(channel, numberMax, numberMax),
      limit,
    };
    return [...this.db.getKeys(range)].map(readLineKey);
  }

  /** The running number of the first line of a channel that was accepted at `timeMs` or later, below `endLine`. */
  since(channel: number, timeMs: number, endLine: number): number {
    let low = this.oldest(channel, 1)[0]?.line ?? endLine;
    let high = endLine;
    // Every batch that ends at or before `low` is older; every one that begins at or behind `high` is not.
    while (low < high) {
      const place = this.holding(channel, Math.floor((low + high) / 2));
      if (place === undefined || place.batch.line >= high) break;
      if (place.batch.acceptedAtMs < timeMs) low = place.batch.line + place.batch.count;
      else high = place.batch.line;
    }
    return high;
  }

  /** Bytes of disk that the batches take: whole pages, what the file system sees. */
  diskBytes(): number {
    const stats = this.db.getStats() as Stats;
    return (stats.treeBranchPageCount + stats.treeLeafPageCount + stats.overflowPages) * stats.pageSize;
  }

  #one(start: Buffer, end: Buffer, reverse: boolean): Place | undefined {
    for (const { key, value } of this.db.getRange({ start, end, reverse, limit: 1, inclusiveEnd: true })) {
      return this.#place(value, start.readUInt32BE(0), readLineKey(key));
    }
    return undefined;
  }

  #place(stored: Buffer, channel: number, { line, bytesBefore }: Omit<LineKey, "key">): Place {
    const batch = decodeBatch(stored, { sequence: line, line, incarnation: this.incarnation(channel) });
    return { batch, bytesBefore, bytesAfter: bytesBefore + stored.length };
  }
}

type Stats = {
  readonly pageSize: number;
  readonly treeBranchPageCount: number;
  readonly treeLeafPageCount: number;
  readonly overflowPages: number;
};
