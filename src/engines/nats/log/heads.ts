/**
 * A head says where its channel continues. It is read from the channel's last message, and kept in memory while the
 * channel is written. When a channel falls idle, its line number is recorded, because all of its messages may be
 * trimmed one day: no line number is used twice, unless somebody empties the stream of a busy channel and another process
 * continues it.
 */
import { LRUCache } from "lru-cache";
import type { BackgroundFailures } from "../../../background-failures.ts";
import { type Batch, markOf } from "../../../core/batch/batch.ts";
import type { ChannelId } from "../../../core/ids.ts";
import { logOf, origin, type Position, positionAt } from "../../../core/position.ts";
import { channelEndKey } from "../../../core/records/record-keys.ts";
import { hasFields, inWords, isCount, isPosition, ofVersion } from "../../../core/records/record-shape.ts";
import { recordUnreadable } from "../../../errors/drains.ts";
import type { ChannelEnd, Clock, Store, StoreRecord } from "../../../ports.ts";
import { every } from "../every.ts";
import type { Reader } from "./reader.ts";

import { type Head, headAt, type StoredMessage } from "./stored.ts";

/** The record at `channelEndKey`: the end of a channel when it was written. */
type HeadRecord = { readonly line: number; readonly bytes: number; readonly position: Position };
export const isHeadRecord = ofVersion(1, hasFields({ line: isCount, bytes: isCount, position: isPosition }));
/** An append replaces the head in place, so that its entry keeps its place in the cache. */
type Known = { head: Head };
type Unrecorded = { head: Head; last: Position; writtenAtMs: number };

type HeadsOptions = {
  readonly reader: Reader;
  readonly store: Store;
  /** A channel's end is recorded after this long without an append. */
  readonly idleMs: number;
  readonly failures: BackgroundFailures;
  readonly clock: Clock;
};

/** Heads in memory; any other head is read when it is needed. */
const headsMax = 100_000;
/** Records that are written at a time, and in one round. */
const writesMax = 16;
const roundMax = 2000;
/** Bound for `close`; heads that were not recorded are found in the streams until those are trimmed. */
const closeMsMax = 3000;

export class Heads {
  readonly #options: HeadsOptions;
  readonly #heads = new LRUCache<ChannelId, Known>({ max: headsMax });
  /** Channels with lines that are not recorded, in the order of the first such line. */
  readonly #unrecorded = new Map<ChannelId, Unrecorded>();
  readonly #closing = new AbortController();
  readonly #rounds: Promise<void>;

  constructor(options: HeadsOptions) {
    this.#options = options;
    const roundMs = Math.max(10, options.idleMs / 4);
    this.#rounds = every(options.clock, roundMs, this.#closing.signal, () => this.#round());
  }

  /** The head as far as this process knows; another writer may have moved it. Undefined: it must be read. */
  known(channel: ChannelId): Head | undefined {
    return this.#heads.get(channel)?.head;
  }

  /** The head according to the stream. */
  async read(channel: ChannelId): Promise<Head> {
    const last = await this.#options.reader.last(channel);
    const head = last === undefined ? await this.#recorded(channel) : await this.#headAtLast(channel, last);
    this.#heads.set(channel, { head });
    return head;
  }

  /** The end of a channel that has no messages, or has none left. */
  async trimmedEnd(channel: ChannelId): Promise<ChannelEnd> {
    const record = await this.#recordOf(channel);
    return record === undefined
      ? { position: origin, line: 0 }
      : { position: record.value.position, line: record.value.line };
  }

  /** This process stored `batch`, and the channel now ends at `head`. Returns that position. */
  moved(channel: ChannelId, head: Head, batch: Batch): Position {
    const place = this.#heads.peek(channel);
    if (place === undefined) this.#heads.set(channel, { head });
    else place.head = head;
    const log = logOf(this.#options.reader.incarnation(channel), markOf(batch), head.line - batch.count);
    const last = positionAt(head.sequence, batch.count, log);
    const known = this.#unrecorded.get(channel);
    const writtenAtMs = this.#options.clock.monotonicMs();
    if (known === undefined) this.#unrecorded.set(channel, { head, last, writtenAtMs });
    else {
      known.head = head;
      known.last = last;
      known.writtenAtMs = writtenAtMs;
    }
    return last;
  }

  /** The head will be read again when it is needed. */
  forget(channel: ChannelId): void {
    this.#heads.delete(channel);
  }

  /** All heads will be read again: the servers may have lost what they had not synced. */
  forgetAll(): void {
    this.#heads.clear();
  }

  /** Removes the record of a channel that was destroyed. */
  async remove(channel: ChannelId): Promise<void> {
    const { store } = this.#options;
    this.#heads.delete(channel);
    this.#unrecorded.delete(channel);
    for (;;) {
      const record = await store.get(channelEndKey(channel));
      if (record === undefined || (await store.put(record.key, undefined, record.revision)) !== undefined)
        return;
    }
  }

  /** Idempotent. Records what is left, within a bounded time. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#rounds;
    const { clock } = this.#options;
    const giveUpAtMs = clock.monotonicMs() + closeMsMax;
    await this.#record([...this.#unrecorded.keys()], () => clock.monotonicMs() < giveUpAtMs);
  }

  async #recorded(channel: ChannelId): Promise<Head> {
    const record = await this.#recordOf(channel);
    const known = record?.value ?? { line: 0, bytes: 0 };
    const own = this.#unrecorded.get(channel)?.head; // it was in the stream, which somebody emptied
    const { line, bytes } = own !== undefined && own.line > known.line ? own : known;
    return { sequence: 0, line, bytes };
  }

  // A void message takes no line numbers, so the last message before it that is not void counts.
  async #headAtLast(channel: ChannelId, last: StoredMessage): Promise<Head> {
    const { reader } = this.#options;
    let message = last;
    while (!(await reader.counts(channel, message))) {
      let before: StoredMessage | undefined;
      for (let at = message.previous; ; at = before.sequence) {
        const next = await reader.next(channel, at);
        if (next === undefined || next.sequence >= message.sequence) break;
        before = next;
      }
      if (before === undefined) break;
      message = before;
    }
    return { ...headAt(message), sequence: last.sequence };
  }

  // A record that cannot be read is an error: a guessed line number may have been used before.
  async #recordOf(channel: ChannelId): Promise<StoreRecord<HeadRecord> | undefined> {
    const key = channelEndKey(channel);
    const record = await this.#options.store.get<HeadRecord>(key);
    const flaw = record && isHeadRecord(record.value);
    if (flaw !== undefined) throw recordUnreadable(key, inWords(flaw));
    return record;
  }

  /** Records the ends of channels that have fallen idle. */
  #round(): Promise<void> {
    const idleSinceMs = this.#options.clock.monotonicMs() - this.#options.idleMs;
    const idle: ChannelId[] = [];
    for (const [channel, { writtenAtMs }] of this.#unrecorded) {
      if (writtenAtMs <= idleSinceMs) idle.push(channel);
      if (idle.length >= roundMax) break;
    }
    return this.#record(idle, () => true);
  }

  async #record(channels: readonly ChannelId[], goesOn: () => boolean): Promise<void> {
    const queue = channels.values();
    const work = async () => {
      for (const channel of queue) {
        if (!goesOn()) return;
        await this.#recordOne(channel).catch((err: unknown) =>
          this.#options.failures.note(
            "head",
            err,
            "an app's end could not be written down; the next round tries again",
          ),
        );
      }
    };
    await Promise.all(Array.from({ length: writesMax }, work));
  }

  async #recordOne(channel: ChannelId): Promise<void> {
    const { store } = this.#options;
    const unrecorded = this.#unrecorded.get(channel);
    if (unrecorded === undefined) return;
    const { head, last } = unrecorded;
    const { line, bytes } = head;
    const record = await this.#recordOf(channel);
    if ((record?.value.line ?? -1) < line) {
      const value: HeadRecord = { line, bytes, position: last };
      if ((await store.put(channelEndKey(channel), value, record?.revision ?? 0)) === undefined) return;
    }
    if (unrecorded.head === head) this.#unrecorded.delete(channel);
  }
}
