/**
 * What waits for a drain, read ahead from its channel's log: batches stay here until their lines are settled.
 * Bounded in bytes; at the bound it stops pulling from the log, which is where the lines are safe.
 */
import type { StoredBatch } from "../core/batch.ts";
import type { ChannelId } from "../core/ids.ts";
import type { ChannelLog, From } from "../ports.ts";

type BacklogOptions = {
  readonly log: ChannelLog;
  readonly channel: ChannelId;
  readonly from: From;
  /** Batches are whole, so one more than this may be held. */
  readonly bytesMax: number;
  /** Ends the reading. */
  readonly signal: AbortSignal;
};

/** Follows a channel and holds what was not settled yet. */
export class Backlog {
  readonly #batches: StoredBatch[] = [];
  readonly #bytesMax: number;
  readonly #own = new AbortController();
  readonly #reading: Promise<void>;
  #bytes = 0;
  #ended = false;
  #failure: { readonly cause: unknown } | undefined;
  #wakeReader: (() => void) | undefined;
  #wakeOwner: (() => void) | undefined;

  constructor({ log, channel, from, bytesMax, signal }: BacklogOptions) {
    this.#bytesMax = bytesMax;
    const end = () => this.#end();
    if (signal.aborted) end();
    else signal.addEventListener("abort", end, { once: true });
    this.#reading = this.#read(log.follow(channel, from, this.#own.signal)).finally(() =>
      signal.removeEventListener("abort", end),
    );
  }

  /** Unsettled batches, oldest first. */
  get batches(): readonly StoredBatch[] {
    return this.#batches;
  }

  /**
   * Resolves to true when a batch waits, and with it all up to the channel's line number `line` if they fit; to false
   * at the end of the reading. Rejects when the log could not be read.
   */
  async ready(line = 0): Promise<boolean> {
    while (!this.#covers(line) && !this.#ended) {
      await new Promise<void>((resolve) => {
        this.#wakeOwner = resolve;
      });
    }
    if (this.#failure !== undefined && !this.#own.signal.aborted) throw this.#failure.cause;
    return this.#batches.length > 0 && !this.#own.signal.aborted;
  }

  #covers(line: number): boolean {
    const final = this.#batches.at(-1);
    return final !== undefined && (final.line + final.count >= line || this.#bytes >= this.#bytesMax);
  }

  /** Forgets the batches that lie wholly before the channel's line number `line`. */
  settle(line: number): void {
    let settled = 0;
    for (const batch of this.#batches) {
      if (batch.line + batch.count > line) break;
      this.#bytes -= batch.bytes.length;
      settled++;
    }
    if (settled === 0) return;
    this.#batches.splice(0, settled);
    this.#wakeReader?.();
  }

  /** Ends the reading and forgets everything. Idempotent. */
  async close(): Promise<void> {
    this.#end();
    await this.#reading;
    this.#batches.length = 0;
  }

  async #read(batches: AsyncIterable<StoredBatch>): Promise<void> {
    try {
      for await (const batch of batches) {
        if (this.#ended) break;
        this.#batches.push(batch);
        this.#bytes += batch.bytes.length;
        this.#wakeOwner?.();
        while (this.#bytes >= this.#bytesMax && !this.#ended) {
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

  #end(): void {
    this.#ended = true;
    this.#own.abort();
    this.#wakeReader?.();
    this.#wakeOwner?.();
  }
}
