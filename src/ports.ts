/** The four interfaces between features and the world. One contract suite runs over every engine of each. */

import type { Batch, Form, StoredBatch } from "./core/batch.ts";
import type { BatchMemory } from "./core/batch-memory.ts";
import type { FailureCause } from "./core/failure-cause.ts";
import type { ChannelId } from "./core/ids.ts";
import type { LineIndex } from "./core/line-places.ts";
import type { Position } from "./core/position.ts";

/** The place where a follower starts. `last` counts lines, `since` is a time of acceptance in ms. */
export type From =
  | { readonly kind: "after"; readonly position: Position }
  | { readonly kind: "last"; readonly lines: number }
  | { readonly kind: "since"; readonly timeMs: number }
  | { readonly kind: "now" };

/** The end of a channel's log: the position behind its last line and the number of lines it ever had. */
export type ChannelEnd = { readonly position: Position; readonly line: number };

/**
 * A follower is handed batches. `foreign` comes before all of them, once, when the position that it asked for is no
 * place of the channel's log as it is now: it is of another log, or of a part that this one lost and that others wrote
 * anew. The batches after it begin with the oldest one.
 */
export type Followed = StoredBatch | "foreign";
/** Bounds of what `recent` reads; `endLine` is a channel's running number of a line. */
export type Within = { readonly endLine?: number; readonly bytesMax?: number };

/** The result of `append`: it stored the batch, or found its `dedupId` stored within the last 10 minutes. */
export type Appended = { readonly position: Position; readonly repeated: boolean };

/** Every app's ordered, durable, bounded log. */
export interface ChannelLog {
  /**
   * Resolves when the batch is durable. Appends of one channel are stored in the order of the calls.
   * Rejects with `storeFull` or `storeUnavailable`; then nothing of the batch is stored,
   * except that a distributed engine which had no answer in time may find it stored later: once under its dedup id.
   * When the batch lies in `memory`, the caller's hold on that is the log's once it resolves, to give back or to keep.
   */
  append(channel: ChannelId, batch: Batch, memory?: BatchMemory): Promise<Appended>;
  /**
   * History, then live: no gap, no repeat, in one total order, pulled by the reader at flat memory. Yields whole
   * stored batches, except that the first one may begin before the place asked for: `after` a position inside a
   * batch yields that batch, and `last` the batch that holds the first of those lines. Positions of trimmed batches
   * are fine: the first batch left follows, and its `line` tells how many are gone. So are positions that name no
   * incarnation, as far as the log reaches, and the origin. Ends when `signal` is aborted, when the channel is
   * destroyed, or when its log is replaced while it is followed; never throws for these. With `present` it also ends
   * where it would wait for lines that nobody has written yet, whatever of those before cannot be read any more. The
   * reader has a hold on the memory of each batch that he is handed, and may give it back (`core/batch-memory.ts`).
   */
  follow(channel: ChannelId, from: From, signal: AbortSignal, until?: "present"): AsyncIterable<Followed>;
  /**
   * The channel's running number of the line behind a place of its log; undefined where the log cannot tell any more,
   * as when retention took what the position names. A foreign position may get any answer.
   */
  lineBehind(channel: ChannelId, position: Position): Promise<number | undefined>;
  /**
   * The newest batches that together hold at least `lines` lines (or all there are), oldest first, and the end. With
   * `within`, those that begin before its `endLine`, and no more of them than have `bytesMax` bytes, but one at least:
   * so a log is read backwards at flat memory.
   */
  recent(
    channel: ChannelId,
    lines: number,
    within?: Within,
  ): Promise<{ batches: readonly StoredBatch[]; end: ChannelEnd }>;
  /** Removes the channel's lines for good and ends its followers. Unknown channels are fine. */
  destroy(channel: ChannelId): Promise<void>;
  /** Idempotent. Ends every follower, waits for appends under way. */
  close(): Promise<void>;
}

/** A small record. `revision` grows with every put of its key; an absent record has revision 0. */
export type StoreRecord<Value = unknown> = {
  readonly key: string;
  readonly value: Value;
  readonly revision: number;
};

/** A change that `watch` saw; `value` is undefined when the record was removed, or cannot be used. */
export type StoreChange<Value = unknown> = {
  readonly key: string;
  readonly value: Value | undefined;
  readonly revision: number;
  /** The record is there, and not of a form that this program reads. Engines never set it. */
  readonly isUnreadable?: true;
};

/**
 * Small revisioned JSON records: apps, tokens, drains, cursors, keys. Keys are `/`-separated words of
 * `[A-Za-z0-9_=.-]`, at most 255 bytes in all; a value is JSON of at most 512 KiB.
 */
export interface Store {
  /** The record, or undefined when it is absent. */
  get<Value>(key: string): Promise<StoreRecord<Value> | undefined>;
  /**
   * Writes when the record's revision is still `revision` (0: it must be absent), durable when it resolves.
   * `value` undefined removes. Resolves to the new revision, or undefined when somebody else was faster.
   */
  put(key: string, value: unknown, revision: number): Promise<number | undefined>;
  /** Records whose key starts with `prefix`, in key order, as they are when each is reached. */
  list<Value>(prefix: string): AsyncIterable<StoreRecord<Value>>;
  /** First every record with `prefix`, then one `ready`, then each change in order, until `signal` is aborted. */
  watch<Value>(prefix: string, signal: AbortSignal): AsyncIterable<StoreChange<Value> | "ready">;
  /** Idempotent. Ends every watcher, waits for puts under way. */
  close(): Promise<void>;
}

/** Lines sent to a drain in one request under one parcel id, unchanged on a retry. */
export type Parcel = {
  /** 32 upper-case hex digits. */
  readonly parcelId: string;
  /** Stretches of stored batches, in order. */
  readonly slices: readonly Slice[];
  /** Lines in all slices together. */
  readonly count: number;
};

/** `count` canonical frames of one form, back to back, and where their parts are if that is known: see `indexOf`. */
export type Slice = {
  readonly bytes: Uint8Array;
  readonly count: number;
  readonly form: Form;
  index?: LineIndex | undefined;
};

/**
 * A sink's word on a parcel. `rejected` counts lines that the destination took the trouble to refuse
 * one by one (OTLP partial success); `reason` is for the drain's owner and never holds a secret.
 */
export type Verdict =
  | {
      readonly kind: "delivered";
      readonly rejected?: number;
      /** The destination's words on the rejected ones. */
      readonly reason?: string;
      /** The destination's certificate ends within two weeks, in words: a notice tells the owner once a day. */
      readonly expiring?: string;
    }
  | {
      readonly kind: "retry";
      readonly reason: string;
      /** Absent: "other". */
      readonly cause?: FailureCause;
      readonly afterMs?: number;
      /** It was connected and did not take or answer the parcel in time: a smaller one may do. */
      readonly slow?: true;
      /** The destination's certificate does not hold: an L14 notice tells the owner. */
      readonly certificate?: true;
      /** The connection was ended for its age alone: a fresh one may do at once. Never without an `onSent`. */
      readonly stale?: true;
    }
  | { readonly kind: "split"; readonly reason: string }
  | { readonly kind: "refused"; readonly reason: string; readonly cause?: FailureCause };

/** One drain's way out over one protocol. */
export interface Sink {
  /**
   * Resolves when the parcel is settled: the destination answered or, over a protocol without answers, let it stand.
   * Such a protocol calls `onSent` before that, when the parcel is on its way and the next one may follow at once;
   * parcels are settled in the order of the calls. When one of those fails, all that follow it fail too, and so does
   * whatever is delivered after that: nothing overtakes what has to be sent again. Then the sink is to be closed.
   * A parcel that is told as sent or delivered is not read any more: its memory is used again.
   * Without an `onSent`, parcels are delivered one at a time, and a failure says nothing of the next one.
   * Never rejects for the peer's faults; rejects with the signal's reason when `signal` is aborted.
   */
  deliver(parcel: Parcel, signal: AbortSignal, onSent?: () => void): Promise<Verdict>;
  /** Idempotent. Closes connections. */
  close(): Promise<void>;
}

/** Time, so that tests can hold it. */
export interface Clock {
  /** Milliseconds since 1970, as `Date.now`. */
  nowMs(): number;
  /**
   * Milliseconds since some moment, which only go forward, at the pace of time: what waits and windows are measured by.
   * The time of day jumps.
   */
  monotonicMs(): number;
  /** Resolves after `ms`, or at once when `signal` is aborted; never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}
