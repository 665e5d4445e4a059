/**
 * The lines of one channel that came through doors without an answer, such as syslog: on their way to the log one batch at
 * a time, so that a refused one is tried again before anything that came after it. What arrives meanwhile is written
 * straight into the next batch.
 */
import type { CanonicalLines } from "../../core/batch/batch.ts";
import type { BatchMemory } from "../../core/batch/batch-memory.ts";
import { type Origin, originOf } from "../../core/batch/canonical.ts";
import type { PlainFrame } from "../../core/batch/plain-frame.ts";
import { type RetryPolicy, retryDelayMs } from "../../core/scheduling/retry.ts";
import type { SyslogHeader } from "../../core/wire/syslog.ts";
import type { TokenRecord } from "../../registry/records.ts";
import type { Gatherer, Gathering } from "./gathering.ts";
import { type ClosedBatch, OpenBatch, type Sender } from "./open-batch.ts";
import type { Rooms } from "./rooms.ts";

const appendRetry: RetryPolicy = {
  delayMsMin: 20,
  delayMsMax: 2_000,
  factor: 2,
  attemptsMax: Number.POSITIVE_INFINITY,
  jitter: 0.2,
};

/** The most that a line has besides its frame: other names, a length, a time. */
const growthBytesMax = 128;

/** Shared by the streams of all channels. */
export type StreamParts = {
  readonly rooms: Rooms;
  readonly gathering: Gathering;
  readonly batchBytesMax: number;
  /** Waits between attempts. When it is stopped, there is one more. */
  readonly pause: (ms: number) => Promise<void>;
  readonly isStopped: () => boolean;
  /** A batch is refused for the first time, or was for the last time and is lost. */
  readonly refused: (error: unknown, lines: number, isLost: boolean) => void;
};

/** The stream's channel. */
export interface StreamOwner {
  /** Lines are about to be stored, for the first time. */
  accept(lines: CanonicalLines): void;
  /** Stores them, with the hold on `memory`; rejects when the log refuses them. */
  store(lines: CanonicalLines, memory: BatchMemory | undefined): Promise<unknown>;
  /** Memory was taken for lines, or given back. */
  held(bytes: number): void;
}

export class StreamQueue implements Gatherer {
  readonly #parts: StreamParts;
  readonly #owner: StreamOwner;
  #open: OpenBatch | undefined;
  /** Bytes of the last batch: the next one will have about as many. */
  #lastBytes = 0;
  /** Full, in order. */
  #closed: ClosedBatch[] = [];
  /** A batch is with the log, or waits to be tried again. */
  #isStoring = false;
  /** The gathering knows of lines here. */
  #isAnnounced = false;
  /** The newest token, and the one before it: an app and its router take turns. */
  #newest: Named | undefined;
  #other: Named | undefined;

  constructor(parts: StreamParts, owner: StreamOwner) {
    this.#parts = parts;
    this.#owner = owner;
  }

  /** Adds the line of the frame [start, end) that was scanned; returns the memory that it takes until it is stored. */
  add(
    sender: Sender,
    record: TokenRecord,
    source: string,
    bytes: Uint8Array,
    start: number,
    end: number,
    header: SyslogHeader,
    nowMs: number,
  ): number {
    const origin = this.originOf(record, source);
    const lineBytes = lineBytesMax(end - start, origin);
    if (this.#open !== undefined && !this.#fits(this.#open, lineBytes)) this.#close();
    const open = this.#open ?? this.#begin();
    open.reserve(lineBytes);
    const taken = open.add(sender, bytes, end, header, nowMs, origin);
    this.#owner.held(taken);
    return taken;
  }

  /** The same for a plain frame; 0, and nothing is added, when the batch that is open cannot take it. An empty one takes any. */
  addPlain(sender: Sender, bytes: Uint8Array, frame: PlainFrame, origin: Origin): number {
    const lineBytes = lineBytesMax(frame.end - frame.start, origin);
    if (this.#open !== undefined && !this.#fits(this.#open, lineBytes)) return 0;
    const open = this.#open ?? this.#begin();
    open.reserve(lineBytes);
    const taken = open.addPlain(sender, bytes, frame, origin);
    if (taken > 0) this.#owner.held(taken);
    return taken;
  }

  /** The parts of lines that came with this token, under that name. */
  originOf(record: TokenRecord, source: string): Origin {
    const newest = this.#newest;
    const isNewest = newest?.record === record && newest.source === source;
    return isNewest ? newest.origin : this.#nextOrigin(record, source);
  }

  #fits(open: OpenBatch, lineBytes: number): boolean {
    return open.linesBytes + lineBytes <= this.#parts.batchBytesMax;
  }

  /** Hands the next batch to the log, unless one is under way. */
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
    this.#owner.held(batch.bytes - open.bytes);
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
    const { refused, pause } = this.#parts;
    if (failures === 0) refused(error, batch.lines.count, false);
    if (isLast) {
      refused(error, batch.lines.count, true);
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
    this.#owner.held(-bytes);
  }

  #nextOrigin(record: TokenRecord, source: string): Origin {
    const other = this.#other;
    const isOther = other?.record === record && other.source === source;
    const named = isOther ? other : { record, source, origin: originOf(source, record.token) };
    this.#other = this.#newest;
    this.#newest = named;
    return named.origin;
  }
}

/** The most that the line of a frame takes. */
const lineBytesMax = (frameBytes: number, { names }: Origin): number =>
  frameBytes + names.length + growthBytesMax;

type Named = { readonly record: TokenRecord; readonly source: string; readonly origin: Origin };
