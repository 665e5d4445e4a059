/**
 * The one place where lines wait for the log, from whatever door: a queue for each channel with work. A door with an
 * answer appends lines and waits for it (`append`); these gather while an append of their channel is in flight. A door
 * without one writes lines into the channel's stream (`stream-queue.ts`), which gathers with those of all channels
 * (`gathering.ts`). An idle system adds no delay, and a busy one makes bigger batches.
 */
import type { LRUCache } from "lru-cache";
import type { Logger } from "pino";
import type { CanonicalLines } from "../../core/batch/batch.ts";
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
  /** Bytes of all channels together, bodies that are still being read included. */
  readonly memoryBytesMax: number;
  /** Bytes of one channel, so that one app cannot take all of it. An empty queue takes a batch of any size. */
  readonly queueBytesMax: number;
  /** Lines gather up to so many bytes; more than that at once are several batches. */
  readonly batchBytesMax: number;
  /** Idle channels whose numbers are remembered; one that was forgotten starts again under a new producer. */
  readonly channelsMax: number;
};

/** The place where every line enters the log, from whatever door. */
export class AppendQueues {
  /** The bound over everything that ingest holds. */
  readonly budget: MemoryBudget;
  /** The memory that streams are written into. */
  readonly rooms = new Rooms();
  readonly #options: AppendQueuesOptions;
  readonly #parts: QueueParts;
  readonly #busy = new Map<ChannelId, AppendQueue>();
  /**
   * Queues that rested before, also those that are busy again: taking the last one out of an lru-cache clears all of it.
   */
  readonly #known: LRUCache<ChannelId, AppendQueue>;
  readonly #retrying = new AbortController();
  #closed: Promise<void> | undefined;
  #lastSettled: () => void = () => {};

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
      refused: (error: unknown, lines: number, isLost: boolean) => this.#tellRefused(error, lines, isLost),
    };
    this.#parts = {
      log,
      clock,
      budget: this.budget,
      batchBytesMax,
      streams,
      busy: (queue) => this.#busy.set(queue.channel, queue),
      rests: (queue) => this.#rest(queue),
    };
  }

  /**
   * Resolves when the lines are durable. Lines of one channel are stored in the order of the calls. Lines with a
   * `dedupId` make a batch of their own. Rejects with `overloaded` or `stopping` before anything is held, or with
   * what the log says; then nothing of these lines is stored, or a beginning of them when they are several batches:
   * more than `batchBytesMax`.
   */
  append(channel: ChannelId, lines: CanonicalLines, via: Via = "notice"): Promise<Appended> {
    if (this.#closed !== undefined) return Promise.reject(stopping());
    const queue = this.#queueOf(channel);
    const parts = splitLines(lines, this.#options.batchBytesMax);
    const bytes = heldBytes(parts);
    if (!this.#fits(queue, bytes) || !this.budget.makeRoom(bytes)) return Promise.reject(overloaded());
    queue.held(bytes);
    acceptedLines.inc({ via }, lines.count);
    return queue.append(parts, via);
  }

  /** False when the channel has too many lines waiting for so many bytes more. Takes nothing. */
  fits(channel: ChannelId, bytes: number): boolean {
    const queue = this.#busy.get(channel);
    return queue === undefined || this.#fits(queue, bytes);
  }

  /**
   * The stream of a channel, to write lines to in this turn of the event loop. They are stored however long the log
   * refuses them, until `stopRetrying`.
   */
  stream(channel: ChannelId): StreamQueue {
    return this.#queueOf(channel).stream;
  }

  /** No door without an answer reads any more: what is refused from now on is tried once more, then counted as lost. */
  stopRetrying(): void {
    this.#retrying.abort();
  }

  /** Refuses new lines and waits until those it has are durable or refused. Idempotent. */
  close(): Promise<void> {
    this.stopRetrying();
    this.#closed ??= new Promise((resolve) => {
      this.#lastSettled = resolve;
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
    const queue = new AppendQueue(channel, this.#parts);
    return queue;
  }

  #rest(queue: AppendQueue): void {
    this.#busy.delete(queue.channel);
    this.#known.set(queue.channel, queue);
    if (this.#busy.size === 0) this.#lastSettled();
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
