/** The four interfaces between features and the world. One contract suite runs over every engine of each. */

import type { Batch, Form, StoredBatch } from "./core/batch/batch.ts";
import type { BatchMemory } from "./core/batch/batch-memory.ts";
import type { LineIndex } from "./core/batch/line-places.ts";
import type { ChannelId } from "./core/ids.ts";
import type { Position } from "./core/position.ts";
import type { FailureCause } from "./core/records/failure-cause.ts";

/** The place where a follower starts. `last` counts lines, `since` is a time of acceptance in ms. */
export type From =
  | { readonly kind: "after"; readonly position: Position }
  | { readonly kind: "last"; readonly lines: number }
  | { readonly kind: "since"; readonly timeMs: number }
  | { readonly kind: "now" };

/** The end of a channel's log: the position after its last line, and the number of lines it has ever had. */
export type ChannelEnd = { readonly position: Position; readonly line: number };

/**
 * A follower gets batches. `foreign` comes first, once, if the position that it asked for is not in the channel's log
 * as it is now: it belongs to another log, or to a part that this log has lost and others have written again. The
 * batches after `foreign` begin with the oldest one.
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
   * Rejects with `storeFull` or `storeUnavailable`; then nothing of the batch is stored, except that with a
   * distributed engine a batch without an answer in time may turn out to be stored after all: once, under its dedup id.
   * If the batch lies in `memory`, the caller's hold passes to the log when this resolves, to be released or kept.
   */
  append(channel: ChannelId, batch: Batch, memory?: BatchMemory): Promise<Appended>;
  /**
   * History, then live: no gap, no repeat, in one total order, pulled by the reader in constant memory. Yields whole
   * stored batches, so the first one may begin before the place asked for: `after` a position inside a batch yields
   * that batch, and `last` the batch that holds the first of those lines. Positions of trimmed batches are allowed: the
   * first batch that is left follows, and its `line` tells how many lines are gone. So are the origin, and positions
   * that name no incarnation, if they are within the log. Ends, without throwing, when `signal` is aborted, when the
   * channel is destroyed, or when its log is replaced meanwhile. With `present` it also ends where it would wait for
   * lines that nobody has written yet, even if some before them can no longer be read. The reader has a hold on the
   * memory of each batch that it gets, and may release it (`core/batch/batch-memory.ts`).
   */
  follow(channel: ChannelId, from: From, signal: AbortSignal, until?: "present"): AsyncIterable<Followed>;
  /**
   * The channel's running number of the line after a position; undefined if the log can no longer tell, for example
   * because retention has removed what a position of an earlier version names. A foreign position may get any answer.
   */
  lineAfter(channel: ChannelId, position: Position): Promise<number | undefined>;
  /**
   * The newest batches that together hold at least `lines` lines (or all there are), oldest first, and the end. With
   * `within`, only batches that begin before its `endLine`, and at most `bytesMax` bytes of them, but at least one: so
   * a log can be read backwards in constant memory.
   */
  recent(
    channel: ChannelId,
    lines: number,
    within?: Within,
  ): Promise<{ batches: readonly StoredBatch[]; end: ChannelEnd }>;
  /** Removes the channel's lines for good and ends its followers. An unknown channel is not an error. */
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

/** A change that `watch` saw; `value` is undefined if the record was removed or cannot be used. */
export type StoreChange<Value = unknown> = {
  readonly key: string;
  readonly value: Value | undefined;
  readonly revision: number;
  /** The record exists in a form that this program cannot read. Engines never set this. */
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
   * Writes if the record's revision is still `revision` (0: it must be absent); durable when this resolves. A `value`
   * of undefined removes the record. Resolves to the new revision, or to undefined if somebody else was faster.
   */
  put(key: string, value: unknown, revision: number): Promise<number | undefined>;
  /** Records whose key starts with `prefix`, in key order, each as it is when it is reached. */
  list<Value>(prefix: string): AsyncIterable<StoreRecord<Value>>;
  /** First every record with `prefix`, then one `ready`, then each change in order, until `signal` is aborted. */
  watch<Value>(prefix: string, signal: AbortSignal): AsyncIterable<StoreChange<Value> | "ready">;
  /** Idempotent. Ends every watcher, waits for puts under way. */
  close(): Promise<void>;
}

/** Lines sent to a destination together under one parcel id, unchanged on a retry. */
export type Parcel = {
  /** 32 upper-case hex digits. */
  readonly parcelId: string;
  /** Stretches of stored batches, in order. */
  readonly slices: readonly Slice[];
  /** Lines in all slices together. */
  readonly count: number;
};

/** `count` canonical frames of one form, back to back, and their line index if there is one already: see `indexOf`. */
export type Slice = {
  readonly bytes: Uint8Array;
  readonly count: number;
  readonly form: Form;
  index?: LineIndex | undefined;
};

/**
 * A sink's verdict on a parcel. `rejected` counts lines that the destination refused one by one (OTLP partial success);
 * `reason` is for the drain's owner and never holds a secret.
 */
export type Verdict =
  | {
      readonly kind: "delivered";
      readonly rejected?: number;
      /** The destination's explanation for the rejected lines. */
      readonly reason?: string;
      /** Says that the destination's certificate expires within two weeks: a notice tells the owner once a day. */
      readonly expiring?: string;
    }
  | {
      readonly kind: "retry";
      readonly reason: string;
      /** Absent: "other". */
      readonly cause?: FailureCause;
      readonly afterMs?: number;
      /** The destination was connected but did not take or answer the parcel in time: a smaller one may pass. */
      readonly slow?: true;
      /** The destination's certificate is not valid: an L14 notice tells the owner. */
      readonly certificate?: true;
      /** The connection was closed only because of its age: a fresh one may work at once. Never without an `onSent`. */
      readonly stale?: true;
    }
  | { readonly kind: "split"; readonly reason: string }
  | { readonly kind: "refused"; readonly reason: string; readonly cause?: FailureCause };

/** Delivers one drain's parcels over one protocol. */
export interface Sink {
  /**
   * Resolves when the parcel is settled: the destination answered or, over a protocol without answers, kept the
   * connection. Such a protocol calls `onSent` earlier, when the parcel is on its way and the next one may follow at
   * once; parcels are settled in the order of the calls. When one fails, all that follow fail too, including those
   * delivered later: nothing overtakes what has to be sent again. Then the sink has to be closed.
   * Once a parcel is reported as sent or delivered, it is not read any more: its memory is reused.
   * Without an `onSent`, parcels are delivered one at a time, and a failure says nothing about the next one.
   * Never rejects for the peer's faults; rejects with the signal's reason when `signal` is aborted.
   */
  deliver(parcel: Parcel, signal: AbortSignal, onSent?: () => void): Promise<Verdict>;
  /**
   * Fails what is under way now: its receiver has not taken or answered it for `ms`, and others need the memory. Without
   * answers, nothing changes once all of it is on its way.
   */
  giveUp(ms: number): void;
  /** Idempotent. Closes connections. */
  close(): Promise<void>;
}

/** Time, so that tests can control it. */
export interface Clock {
  /** Milliseconds since 1970, as `Date.now`. */
  nowMs(): number;
  /**
   * Milliseconds since some moment, at the pace of real time and never going back. Waits and windows are measured by
   * this, since the time of day jumps.
   */
  monotonicMs(): number;
  /** Resolves after `ms`, or at once when `signal` is aborted; never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}
