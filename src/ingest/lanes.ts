/**
 * One lane for each channel with work. Lines that arrive while an append of their channel is in flight gather into
 * the next batch: no timer, so an idle system adds no delay and a busy one makes bigger batches.
 *
 * Numbers: a producer has at most one batch in flight and its number moves on only when a batch was stored, so its
 * stored lines are numbered without a jump. A batch that was refused or a repeat takes its producer with it.
 */
import { LRUCache } from "lru-cache";
import type { Batch, CanonicalLines } from "../core/batch.ts";
import { type ChannelId, newProducerId, type ProducerId } from "../core/ids.ts";
import { splitLines } from "../core/lines.ts";
import { stopping } from "../errors/ingest.ts";
import { overloaded } from "../errors/store.ts";
import { acceptedLines, appendSeconds, repeatedLines, storedLines } from "../metrics.ts";
import type { Appended, ChannelLog, Clock } from "../ports.ts";
import { PendingBytes } from "./pending.ts";

/** How lines came in. */
export type Via = "http" | "syslog" | "relp" | "notice";

export type LanesOptions = {
  readonly log: Pick<ChannelLog, "append">;
  readonly clock: Pick<Clock, "nowMs">;
  /** Bytes of all channels together, bodies that are still being read included. */
  readonly pendingBytesMax: number;
  /** Bytes of one channel, so that one app cannot take all of it. An empty lane takes a batch of any size. */
  readonly laneBytesMax: number;
  /** Lines gather up to so many bytes; more than that at once are several batches. */
  readonly batchBytesMax: number;
  /** Idle channels whose numbers are remembered; one that was forgotten starts again under a new producer. */
  readonly channelsMax: number;
};

/** Batches of one channel that may be in flight together. */
const inFlightMax = 16;
/** Bytes that holding a handful of lines costs besides their own. */
const overheadBytes = 512;

type Numbering = { readonly producer: ProducerId; next: number };

type Entry = {
  readonly lines: CanonicalLines;
  readonly via: Via;
  readonly resolve: (appended: Appended) => void;
  readonly reject: (reason: unknown) => void;
};

class Lane {
  /** Not in flight yet, in order. */
  queue: Entry[] = [];
  inFlight = 0;
  /** Batches of gathered lines in flight: while there is one, plain lines go on gathering. */
  gathered = 0;
  /** Held for entries that wait and those in flight. */
  bytes = 0;
  /** Producers of this channel that have no batch in flight. */
  readonly numberings: Numbering[] = [];
}

/** The place where every line enters the log, from whatever door. */
export class Lanes {
  /** The bound over everything that ingest holds. */
  readonly pending: PendingBytes;
  readonly #options: LanesOptions;
  readonly #busy = new Map<ChannelId, Lane>();
  /**
   * Lanes that rested before, also those that are busy again: taking the last one out of an lru-cache clears all of it.
   */
  readonly #known: LRUCache<ChannelId, Lane>;
  #closed: Promise<void> | undefined;
  #lastSettled: () => void = () => {};

  constructor(options: LanesOptions) {
    this.#options = options;
    this.pending = new PendingBytes(options.pendingBytesMax);
    this.#known = new LRUCache({ max: options.channelsMax });
  }

  /**
   * Resolves when the lines are durable. Lines of one channel are stored in the order of the calls. Lines with a
   * `dedupId` make a batch of their own. Rejects with `overloaded` or `stopping` before anything is held, or with
   * what the log says; then nothing of these lines is stored, or a beginning of them when they are several batches:
   * more than `batchBytesMax`.
   */
  append(channel: ChannelId, lines: CanonicalLines, via: Via = "notice"): Promise<Appended> {
    if (this.#closed !== undefined) return Promise.reject(stopping());
    const lane = this.#busy.get(channel) ?? this.#known.get(channel) ?? new Lane();
    const parts = splitLines(lines, this.#options.batchBytesMax);
    const bytes = heldBytes(parts);
    const laneIsFull = lane.bytes > 0 && lane.bytes + bytes > this.#options.laneBytesMax;
    if (laneIsFull || !this.pending.take(bytes)) return Promise.reject(overloaded());
    if (lane.bytes === 0) this.#busy.set(channel, lane);
    lane.bytes += bytes;
    acceptedLines.inc({ via }, lines.count);
    return parts.length === 1
      ? this.#enqueue(channel, lane, parts[0]!, via)
      : this.#enqueueParts(channel, lane, parts, via);
  }

  /** Refuses new lines and waits until those it has are durable or refused. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= new Promise((resolve) => {
      this.#lastSettled = resolve;
      if (this.#busy.size === 0) resolve();
    });
    return this.#closed;
  }

  // A batch that is enqueued is held already.
  #enqueue(channel: ChannelId, lane: Lane, lines: CanonicalLines, via: Via): Promise<Appended> {
    return new Promise((resolve, reject) => {
      lane.queue.push({ lines, via, resolve, reject });
      this.#pump(channel, lane);
    });
  }

  // One after the other: when one is refused, none behind it is stored, and the same lines sent again keep their order.
  async #enqueueParts(
    channel: ChannelId,
    lane: Lane,
    parts: readonly CanonicalLines[],
    via: Via,
  ): Promise<Appended> {
    for (const [at, part] of parts.slice(0, -1).entries()) {
      try {
        await this.#enqueue(channel, lane, part, via);
      } catch (error) {
        this.#release(channel, lane, heldBytes(parts.slice(at + 1)));
        throw error;
      }
    }
    return this.#enqueue(channel, lane, parts.at(-1)!, via);
  }

  // Issues what may go now. Frames with an id never gather, so they need not wait for one another.
  #pump(channel: ChannelId, lane: Lane): void {
    const mayGather = lane.gathered === 0;
    while (lane.queue.length > 0 && lane.inFlight < inFlightMax) {
      const alone = lane.queue[0]!.lines.dedupId !== undefined;
      if (!alone && !mayGather) return;
      const entries = lane.queue.splice(0, alone ? 1 : gatherable(lane.queue, this.#options.batchBytesMax));
      void this.#store(channel, lane, entries, alone ? 0 : 1);
    }
  }

  async #store(channel: ChannelId, lane: Lane, entries: readonly Entry[], gathered: 0 | 1): Promise<void> {
    lane.inFlight++;
    lane.gathered += gathered;
    const numbering = lane.numberings.pop() ?? { producer: newProducerId(), next: 0 };
    const startedMs = performance.now();
    try {
      const lines = entries.length === 1 ? entries[0]!.lines : joined(entries);
      const { producer, next: firstLine } = numbering;
      const acceptedAtMs = this.#options.clock.nowMs();
      const batch: Batch = { ...lines, producer, firstLine, acceptedAtMs };
      const appended = await this.#options.log.append(channel, batch);
      appendSeconds.observe((performance.now() - startedMs) / 1000);
      if (!appended.repeated) {
        numbering.next += batch.count;
        lane.numberings.push(numbering);
      }
      const counter = appended.repeated ? repeatedLines : storedLines;
      for (const { lines, via, resolve } of entries) {
        counter.inc({ via }, lines.count);
        resolve(appended);
      }
    } catch (error) {
      for (const { reject } of entries) reject(error);
    }
    lane.inFlight--;
    lane.gathered -= gathered;
    this.#pump(channel, lane);
    this.#release(channel, lane, heldBytes(entries.map(({ lines }) => lines)));
  }

  // Gives back what is settled; a lane that holds nothing more rests.
  #release(channel: ChannelId, lane: Lane, bytes: number): void {
    lane.bytes -= bytes;
    this.pending.give(bytes);
    if (lane.bytes > 0) return;
    this.#busy.delete(channel);
    this.#known.set(channel, lane);
    if (this.#busy.size === 0) this.#lastSettled();
  }
}

function heldBytes(batches: readonly CanonicalLines[]): number {
  let held = batches.length * overheadBytes;
  for (const { bytes } of batches) held += bytes.length;
  return held;
}

/** How many entries at the head of the queue make one batch: of one form, without an id, within the bound. */
function gatherable(queue: readonly Entry[], bytesMax: number): number {
  const { form } = queue[0]!.lines;
  let bytes = 0;
  let entries = 0;
  for (const { lines } of queue) {
    bytes += lines.bytes.length;
    const fits = entries === 0 || bytes <= bytesMax;
    if (lines.form !== form || lines.dedupId !== undefined || !fits) break;
    entries++;
  }
  return entries;
}

function joined(entries: readonly Entry[]): CanonicalLines {
  let count = 0;
  for (const { lines } of entries) count += lines.count;
  return {
    bytes: Buffer.concat(entries.map(({ lines }) => lines.bytes)),
    count,
    form: entries[0]!.lines.form,
  };
}
