/**
 * What waits for a drain, read ahead from its channel's log: batches stay here until their lines are settled.
 * Bounded in bytes; at the bound it stops pulling from the log, which is where the lines are safe.
 */
import type { StoredBatch } from "../core/batch.ts";
import type { ChannelId } from "../core/ids.ts";
import type { ChannelLog, Followed, From } from "../ports.ts";

/** What all drains together may read ahead. When it is spent each goes on with one batch at a time. */
export class ReadAhead {
  readonly #bytesMax: number;
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get isSpent(): boolean {
    return this.#bytes >= this.#bytesMax;
  }

  /** Bytes that are held from now on; negative when they are let go. */
  add(bytes: number): void {
    this.#bytes += bytes;
  }
}

type BacklogOptions = {
  readonly log: ChannelLog;
  readonly channel: ChannelId;
  readonly from: From;
  /** Batches are whole, so one more than this may be held. */
  readonly bytesMax: number;
  readonly readAhead: ReadAhead;
  /** All up to this line is wanted at once, if it is within `bytesMax`: a parcel is to be cut again as it was. */
  readonly throughLine: number;
  /** Ends the reading. */
  readonly signal: AbortSignal;
};

/** One for all: an abort without a reason makes an error with a stack each time. */
const closed = new Error("the backlog is closed");

/** Follows a channel and holds what was not settled yet. */
export class Backlog {
  readonly #batches: StoredBatch[] = [];
  readonly #options: BacklogOptions;
  readonly #own = new AbortController();
  readonly #reading: Promise<void>;
  #bytes = 0;
  #isForeign = false;
  #ended = false;
  #failure: { readonly cause: unknown } | undefined;
  #wakeReader: (() => void) | undefined;
  #wakeOwner: (() => void) | undefined;

  constructor(options: BacklogOptions) {
    this.#options = options;
    const { log, channel, from, signal } = options;
    if (signal.aborted) this.end();
    else signal.addEventListener("abort", this, { once: true });
    this.#reading = this.#read(log.follow(channel, from, this.#own.signal));
  }

  /** Unsettled batches, oldest first. */
  get batches(): readonly StoredBatch[] {
    return this.#batches;
  }

  /** The place that was asked for is none of this log: what is held begins with its oldest batch. */
  get isForeign(): boolean {
    return this.#isForeign;
  }

  /** Resolves to true when a batch waits; to false at the end of the reading. Rejects when the log could not be read. */
  async ready(): Promise<boolean> {
    while (!this.#isReady() && !this.#ended) {
      await new Promise<void>((resolve) => {
        this.#wakeOwner = resolve;
      });
    }
    if (this.#failure !== undefined && !this.#own.signal.aborted) throw this.#failure.cause;
    return this.#batches.length > 0 && !this.#own.signal.aborted;
  }

  /** Forgets the batches that lie wholly before the channel's line number `line`. */
  settle(line: number): void {
    let settled = 0;
    let bytes = 0;
    for (const batch of this.#batches) {
      if (batch.line + batch.count > line) break;
      bytes += batch.bytes.length;
      settled++;
    }
    if (settled === 0) return;
    this.#batches.splice(0, settled);
    this.#hold(-bytes);
    this.#wakeReader?.();
  }

  /** Ends the reading. Idempotent. */
  end(): void {
    this.#ended = true;
    this.#own.abort(closed);
    this.#wakeReader?.();
    this.#wakeOwner?.();
  }

  /** Ends the reading and forgets everything. Idempotent. */
  async close(): Promise<void> {
    this.end();
    this.#options.signal.removeEventListener("abort", this);
    await this.#reading;
    this.#batches.length = 0;
    this.#hold(-this.#bytes);
  }

  /** The signal was aborted. */
  handleEvent(): void {
    this.end();
  }

  #isReady(): boolean {
    return (
      this.#batches.length > 0 &&
      (this.#isForeign || this.#isThrough() || this.#bytes >= this.#options.bytesMax)
    );
  }

  #isThrough(): boolean {
    const final = this.#batches.at(-1);
    return final !== undefined && final.line + final.count >= this.#options.throughLine;
  }

  #wantsMore(): boolean {
    if (this.#batches.length === 0) return true;
    return this.#bytes < this.#options.bytesMax && !(this.#options.readAhead.isSpent && this.#isThrough());
  }

  async #read(batches: AsyncIterable<Followed>): Promise<void> {
    try {
      for await (const batch of batches) {
        if (this.#ended) break;
        if (batch === "foreign") {
          this.#isForeign = true;
          continue;
        }
        this.#batches.push(batch);
        this.#hold(batch.bytes.length);
        this.#wakeOwner?.();
        while (!this.#wantsMore() && !this.#ended) {
          await new Promise<void>((resolve) => {
            this.#wakeReader = resolve;
          });
        }
      }
    } catch (cause) {
      this.#failure = { cause };
    }
    this.#ended = true;
    this.#wakeOwner?.();
  }

  #hold(bytes: number): void {
    this.#bytes += bytes;
    this.#options.readAhead.add(bytes);
  }
}
