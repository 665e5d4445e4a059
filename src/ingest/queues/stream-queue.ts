/**
 * The lines of one channel that came through doors that cannot answer, such as syslog. They go to the log one batch
 * at a time, so that a refused batch is tried again before anything that came after it. Lines that arrive meanwhile
 * are written straight into the next batch.
 */
import type { CanonicalLines } from "../../core/batch/batch.ts";
import type { BatchMemory } from "../../core/batch/batch-memory.ts";
import type { Origin } from "../../core/batch/canonical.ts";
import type { StagedLines } from "../../core/batch/line-code.ts";
import { retryDelayMs } from "../../core/scheduling/retry.ts";
import type { SyslogHeader } from "../../core/wire/syslog.ts";
import type { TokenRecord } from "../../registry/records.ts";
import { appendRetry } from "../limits.ts";
import type { Gatherer, Gathering } from "./gathering.ts";
import { type ClosedBatch, lineBytesMax, OpenBatch, type Sender } from "./open-batch.ts";
import { Origins } from "./origins.ts";
import type { Rooms } from "./rooms.ts";

/** Shared by the streams of all channels. */
export type StreamParts = {
  readonly rooms: Rooms;
  readonly gathering: Gathering;
  readonly batchBytesMax: number;
  /** Waits between attempts. After `stopRetrying` it returns at once, and one more attempt is made. */
  readonly pause: (ms: number) => Promise<void>;
  readonly isStopped: () => boolean;
  /** Called when a batch is refused for the first time, and when it is given up as lost. */
  readonly onRefused: (error: unknown, lines: number, isLost: boolean) => void;
};

/** The queue of the stream's channel. */
export interface StreamOwner {
  /** Called once for lines that are about to be stored for the first time. */
  accept(lines: CanonicalLines): void;
  /** Stores the lines and passes on the hold on `memory`; rejects when the log refuses them. */
  store(lines: CanonicalLines, memory: BatchMemory | undefined): Promise<unknown>;
  /** Counts memory as taken, or as given back where negative. */
  addHeld(bytes: number): void;
}

export class StreamQueue implements Gatherer {
  readonly #parts: StreamParts;
  readonly #owner: StreamOwner;
  #open: OpenBatch | undefined;
  /** Size of the last batch: the next one is expected to be about as large. */
  #lastBytes = 0;
  /** Batches that are full, in order. */
  #closed: ClosedBatch[] = [];
  /** True while a batch is with the log or waits to be tried again. */
  #isStoring = false;
  /** True when the gathering knows that there are lines here. */
  #isAnnounced = false;
  readonly #origins = new Origins();

  constructor(parts: StreamParts, owner: StreamOwner) {
    this.#parts = parts;
    this.#owner = owner;
  }

  /** Adds the line of the scanned frame; returns the memory that it takes until it is stored. */
  add(
    sender: Sender,
    record: TokenRecord,
    source: string,
    bytes: Uint8Array,
    header: SyslogHeader,
    nowMs: number,
  ): number {
    const origin = this.originOf(record, source);
    const lineBytes = lineBytesMax(header.end - header.start, origin);
    if (this.#open !== undefined && !this.#fits(this.#open, lineBytes)) this.#close();
    const open = this.#open ?? this.#begin();
    const taken = open.add(sender, bytes, header, nowMs, origin);
    this.#owner.addHeld(taken);
    return taken;
  }

  /** The same for lines of plain frames. */
  addLines(sender: Sender, lines: StagedLines): number {
    if (this.#open !== undefined && !this.#fits(this.#open, lines.bytes.length)) this.#close();
    const taken = (this.#open ?? this.#begin()).addLines(sender, lines);
    this.#owner.addHeld(taken);
    return taken;
  }

  /** The parts that all lines with this token and this name share. */
  originOf(record: TokenRecord, source: string): Origin {
    return this.#origins.of(record, source);
  }

  #fits(open: OpenBatch, lineBytes: number): boolean {
    return open.linesBytes + lineBytes <= this.#parts.batchBytesMax;
  }

  /** Hands the next batch to the log, unless one is being stored already. */
  flush(): void {
    this.#isAnnounced = false;
    if (this.#isStoring) return;
    if (this.#closed.length === 0 && this.#open !== undefined) this.#close();
    const batch = this.#closed.shift();
    if (batch !== undefined) this.#store(batch, 0);
  }

  #begin(): OpenBatch {
    const open = new OpenBatch(this.#parts.rooms, this.#lastBytes);
    this.#open = open;
    this.#announce();
    return open;
  }

  #close(): void {
    const open = this.#open!;
    const batch = open.close();
    this.#open = undefined;
    this.#owner.addHeld(batch.bytes - open.bytes);
    this.#lastBytes = batch.lines.bytes.length;
    this.#owner.accept(batch.lines);
    this.#closed.push(batch);
  }

  #announce(): void {
    if (this.#isAnnounced || this.#isStoring) return;
    this.#isAnnounced = true;
    this.#parts.gathering.add(this);
  }

  #store(batch: ClosedBatch, failures: number): void {
    const { gathering, isStopped } = this.#parts;
    this.#isStoring = true;
    const isLast = isStopped();
    gathering.began();
    this.#owner.store(batch.lines, batch.memory).then(
      () => {
        this.#settle(batch);
        gathering.ended();
      },
      (error: unknown) => {
        gathering.ended();
        this.#failed(batch, failures, error, isLast);
      },
    );
  }

  #failed(batch: ClosedBatch, failures: number, error: unknown, isLast: boolean): void {
    const { onRefused, pause } = this.#parts;
    if (failures === 0) onRefused(error, batch.lines.count, false);
    if (isLast) {
      onRefused(error, batch.lines.count, true);
      this.#settle(batch);
      return;
    }
    const delayMs = retryDelayMs(appendRetry, failures, Math.random()) ?? 0;
    void pause(delayMs).then(() => this.#store(batch, failures + 1));
  }

  #settle({ bytes, senders, shares }: ClosedBatch): void {
    this.#isStoring = false;
    if (this.#closed.length > 0 || this.#open !== undefined) this.#announce();
    for (let at = 0; at < senders.length; at++) senders[at]!.settle(shares[at]!);
    this.#owner.addHeld(-bytes);
  }
}
