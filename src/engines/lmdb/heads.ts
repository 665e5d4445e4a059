/**
 * Where each channel goes on. A head is found from the channel's newest batch when it is first used and kept in memory
 * from then on, so an append writes its batch and nothing else. Only a channel whose last batch is trimmed has its end
 * written down: no line number is ever used twice.
 */
import { LRUCache } from "lru-cache";
import { markOf } from "../../core/batch.ts";
import type { ChannelId } from "../../core/ids.ts";
import { logOf, type Position, positionAt } from "../../core/position.ts";
import type { Commits } from "./commits.ts";
import type { BinaryDb, Lines } from "./lines.ts";

/** The state of a channel, as the transaction that is being formed leaves it. */
export type Head = {
  readonly number: number;
  /** Line number and bytes of the next batch: all that there ever were. */
  line: number;
  bytes: number;
  /** Line number of the newest batch's first line. */
  last: number;
  /** The oldest batch lies here or behind. */
  firstLine: number;
  firstBytes: number;
  /** Batches accepted before this time are known to the retention by age. */
  agesUntilMs: number;
};

/** What stands of a channel on the disk. `mark`: of the batch at `last`, which may be gone. */
export type End = {
  readonly line: number;
  readonly bytes: number;
  readonly last: number;
  readonly mark: string;
};

/** Heads in memory; one of an idle channel is read again when it is needed. More than one transaction can touch. */
const headsMax = 50_000;
/** Line, bytes, last; the mark follows, where it is known. */
const endBytes = 24;
const nextNumberKey = Buffer.from("next-channel-number");

export class Heads {
  readonly #lines: Lines;
  readonly #channels: BinaryDb;
  readonly #ends: BinaryDb;
  readonly #meta: BinaryDb;
  readonly #heads = new LRUCache<ChannelId, Head>({ max: headsMax });
  /** Channels that the transaction that is being formed removes; reads still show them. */
  readonly #gone = new Set<ChannelId>();
  #nextNumber: number;

  constructor(lines: Lines, dbs: { channels: BinaryDb; ends: BinaryDb; meta: BinaryDb }) {
    this.#lines = lines;
    this.#channels = dbs.channels;
    this.#ends = dbs.ends;
    this.#meta = dbs.meta;
    this.#nextNumber = this.#meta.get(nextNumberKey)?.readUInt32BE(0) ?? 1;
  }

  /** A channel's number on the disk; numbers are given once. Undefined when it has none. */
  number(channel: ChannelId): number | undefined {
    return this.#channels.get(Buffer.from(channel, "latin1"))?.readUInt32BE(0);
  }

  /** Where a channel ends on the disk. */
  end(number: number): End {
    const newest = this.#lines.newest(number);
    if (newest !== undefined) {
      const { batch, bytesAfter } = newest;
      return { line: batch.line + batch.count, bytes: bytesAfter, last: batch.line, mark: markOf(batch) };
    }
    const end = this.#ends.get(numberKey(number));
    if (end === undefined) return { line: 0, bytes: 0, last: 0, mark: "" };
    const mark = end.toString("latin1", endBytes);
    return { line: end.readDoubleLE(0), bytes: end.readDoubleLE(8), last: end.readDoubleLE(16), mark };
  }

  /** The place behind the last line of a channel that has a number. */
  position(number: number, { line, last, mark }: End): Position {
    return positionAt(last, line - last, logOf(this.#lines.incarnation(number), mark || undefined));
  }

  /** Inside `write`: the head as the transaction has it so far, undefined when the channel never had a line. */
  find(channel: ChannelId): Head | undefined {
    const known = this.#heads.get(channel);
    if (known !== undefined) return known;
    const number = this.#gone.has(channel) ? undefined : this.number(channel);
    if (number === undefined) return undefined;
    const first = this.#lines.oldest(number, 1)[0];
    const end = this.end(number);
    const head: Head = {
      number,
      line: end.line,
      bytes: end.bytes,
      last: end.last,
      firstLine: first?.line ?? end.line,
      firstBytes: first?.bytesBefore ?? end.bytes,
      agesUntilMs: 0,
    };
    this.#heads.set(channel, head);
    return head;
  }

  /** Inside `write`: gives a channel that has no head a number and an empty log. */
  create(channel: ChannelId, commits: Commits): Head {
    const number = this.#nextNumber++;
    commits.put(this.#channels, Buffer.from(channel, "latin1"), numberKey(number));
    commits.put(this.#meta, nextNumberKey, numberKey(this.#nextNumber));
    const head: Head = { number, line: 0, bytes: 0, last: 0, firstLine: 0, firstBytes: 0, agesUntilMs: 0 };
    this.#heads.set(channel, head);
    return head;
  }

  /** Inside `write`: the channel is gone; its number is never given again. */
  remove(channel: ChannelId, commits: Commits): void {
    commits.remove(this.#channels, Buffer.from(channel, "latin1"));
    this.#heads.delete(channel);
    this.#gone.add(channel);
  }

  /** Inside `write`: keeps the end of a channel that loses its last batch. */
  keepEnd(number: number, end: End, commits: Commits): void {
    const record = Buffer.allocUnsafe(endBytes + end.mark.length);
    record.write(end.mark, endBytes, "latin1");
    record.writeDoubleLE(end.line, 0);
    record.writeDoubleLE(end.bytes, 8);
    record.writeDoubleLE(end.last, 16);
    commits.put(this.#ends, numberKey(number), record);
  }

  /** Inside `write`: forgets the end of a channel that is gone. */
  dropEnd(number: number, commits: Commits): void {
    commits.remove(this.#ends, numberKey(number));
  }

  /** The transaction is formed: it is over before the next one reads. */
  formed(): void {
    this.#gone.clear();
  }

  /** A transaction failed: what was formed for it is not so. */
  forget(): void {
    this.#heads.clear();
  }
}

/** Four bytes, big endian. */
export function numberKey(number: number): Buffer {
  const key = Buffer.allocUnsafe(4);
  key.writeUInt32BE(number, 0);
  return key;
}
