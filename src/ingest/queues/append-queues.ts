/**
 * The one place where lines wait for the log, whichever door they came through: a queue for each channel that has
 * work. A door that answers its senders appends lines and awaits the result (`append`); such lines gather while an
 * append of their channel is in flight. A door that cannot answer writes lines into the channel's stream
 * (`stream-queue.ts`), which gathers with the streams of all channels (`gathering.ts`). An idle system adds no delay,
 * and a busy one makes bigger batches.
 */
import type { LRUCache } from "lru-cache";
import type { Logger } from "pino";
import type { CanonicalLines } from "../../core/batch/batch.ts";
import type { BatchMemory } from "../../core/batch/batch-memory.ts";
import { splitLines } from "../../core/batch/lines.ts";
import type { ChannelId } from "../../core/ids.ts";
import { lastUsed } from "../../core/last-used.ts";
import { stopping } from "../../errors/ingest.ts";
import { overloaded } from "../../errors/store.ts";
import { acceptedLines, syslogLostLines } from "../../metrics.ts";
import type { Appended, ChannelLog, Clock } from "../../ports.ts";
import { AppendQueue, heldBytes, type QueueParts, type Via } from "./append-queue.ts";
import { Gathering } from "./gathering.ts";
import { MemoryBudget } from "./memory-budget.ts";
import { Rooms } from "./rooms.ts";
import type { StreamQueue } from "./stream-queue.ts";

type AppendQueuesOptions = {
  readonly log: Pick<ChannelLog, "append">;
  readonly clock: Clock;
  readonly logger: Pick<Logger, "warn" | "error">;
  /** Bytes of all channels together, including bodies that are still being read. */
  readonly memoryBytesMax: number;
  /** Bytes of one channel, so that no app can take all the memory. An empty queue accepts a batch of any size. */
  readonly queueBytesMax: number;
  /** Lines gather up to this size; more than that at once becomes several batches. */
  readonly batchBytesMax: number;
  /** Idle channels whose numbering is remembered; a forgotten one starts again under a new producer. */
  readonly channelsMax: number;
};

/** Every line enters the log here. */
export class AppendQueues {
  /** The bound on everything that ingest holds. */
  readonly budget: MemoryBudget;
  /** The memory that streams, and rounds of RELP, write into. */
  readonly rooms = new Rooms();
  readonly #options: AppendQueuesOptions;
  readonly #parts: QueueParts;
  readonly #busy = new Map<ChannelId, AppendQueue>();
  /**
   * Queues that have been idle, including those that are busy again: removing the last entry of an lru-cache clears
   * all of it.
   */
  readonly #known: LRUCache<ChannelId, AppendQueue>;
  readonly #retrying = new AbortController();
  #closed: Promise<void> | undefined;
  #allSettled: () => void = () => {};

  constructor(options: AppendQueuesOptions) {
    this.#options = options;
    const { log, clock, batchBytesMax } = options;
    const { signal } = this.#retrying;
    this.budget = new MemoryBudget(options.memoryBytesMax);
    this.#known = lastUsed(options.channelsMax);
    const streams = {
      rooms: this.rooms,
      gathering: new Gathering(clock),
      batchBytesMax,
      pause: (ms: number) => clock.sleep(ms, signal),
      isStopped: () => signal.aborted,
      onRefused: (error: unknown, lines: number, isLost: boolean) => this.#tellRefused(error, lines, isLost),
    };
    this.#parts = {
      log,
      clock,
      budget: this.budget,
      batchBytesMax,
      streams,
      onBusy: (queue) => this.#busy.set(queue.channel, queue),
      onIdle: (queue) => this.#becameIdle(queue),
    };
  }

  /**
   * Resolves when the lines are durable. Lines of one channel are stored in the order of the calls. Lines with a
   * `dedupId` make a batch of their own. Rejects with `overloaded` or `stopping` before anything is held, or with the
   * log's own error. After an error nothing of these lines is stored; only where they make several batches (more than
   * `batchBytesMax`) may the first of those be. A hold on `memory`, in which lines of one batch may lie, is passed on
   * when they are stored, and stays with the caller if they are not.
   */
  append(
    channel: ChannelId,
    lines: CanonicalLines,
    via: Via = "notice",
    memory?: BatchMemory,
  ): Promise<Appended> {
    return this.#append(channel, splitLines(lines, this.#options.batchBytesMax), via, memory);
  }

  /** The same for lines that are in parts already. Parts with a `dedupId` have one each. */
  appendParts(channel: ChannelId, parts: readonly CanonicalLines[], via: Via): Promise<Appended> {
    const { batchBytesMax } = this.#options;
    return this.#append(
      channel,
      parts.flatMap((part) => splitLines(part, batchBytesMax)),
      via,
    );
  }

  #append(
    channel: ChannelId,
    parts: readonly CanonicalLines[],
    via: Via,
    memory?: BatchMemory,
  ): Promise<Appended> {
    if (this.#closed !== undefined) return Promise.reject(stopping());
    const queue = this.#queueOf(channel);
    const bytes = parts.length === 1 ? heldBytes(parts, memory) : heldBytes(parts);
    if (!this.#fits(queue, bytes) || !this.budget.makeRoom(bytes)) return Promise.reject(overloaded());
    queue.addHeld(bytes);
    for (const { count } of parts) acceptedLines.inc({ via }, count);
    return queue.append(parts, via, memory);
  }

  /** False when the channel has too many waiting lines to take this many bytes more. Reserves nothing. */
  fits(channel: ChannelId, bytes: number): boolean {
    const queue = this.#busy.get(channel);
    return queue === undefined || this.#fits(queue, bytes);
  }

  /**
   * The stream of a channel, valid for writing during this turn of the event loop. Its lines are retried for as long
   * as the log refuses them, until `stopRetrying`.
   */
  stream(channel: ChannelId): StreamQueue {
    return this.#queueOf(channel).stream;
  }

  /**
   * Call once the doors that cannot answer have stopped reading: from then on a refused batch is tried once more and
   * then counted as lost.
   */
  stopRetrying(): void {
    this.#retrying.abort();
  }

  /** Refuses new lines, and waits until those that are held are durable or refused. Idempotent. */
  close(): Promise<void> {
    this.stopRetrying();
    this.#closed ??= new Promise((resolve) => {
      this.#allSettled = resolve;
      if (this.#busy.size === 0) resolve();
    });
    return this.#closed;
  }

  #fits(queue: AppendQueue, bytes: number): boolean {
    return queue.bytes === 0 || queue.bytes + bytes <= this.#options.queueBytesMax;
  }

  #queueOf(channel: ChannelId): AppendQueue {
    const known = this.#busy.get(channel) ?? this.#known.get(channel);
    if (known !== undefined) return known;
    return new AppendQueue(channel, this.#parts);
  }

  #becameIdle(queue: AppendQueue): void {
    this.#busy.delete(queue.channel);
    this.#known.set(queue.channel, queue);
    if (this.#busy.size === 0) this.#allSettled();
  }

  #tellRefused(error: unknown, lines: number, isLost: boolean): void {
    const { logger } = this.#options;
    if (!isLost) {
      logger.warn({ err: error, lines }, "lines of syslog connections wait for the log");
      return;
    }
    syslogLostLines.inc(lines);
    logger.error({ err: error, lines }, "lines of syslog connections are lost: the log did not take them");
  }
}
