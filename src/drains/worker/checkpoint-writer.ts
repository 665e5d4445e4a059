/**
 * Writes one record of checkpoints to the Store, of one drain or of many: a moment after something in it changed, one
 * put at a time, so that busy drains cost few writes. A crash repeats at most what was delivered since.
 */
import type { Logger } from "pino";
import type { Clock, Store } from "../../ports.ts";
import { OwnedRecord } from "./owned-record.ts";

/** The record as it is to be written now; `undefined` removes it. `written` is called when it is stored. */
export type Draft = { readonly value: unknown; readonly written: () => void };

export type CheckpointWriterOptions = {
  readonly store: Store;
  readonly clock: Clock;
  readonly logger: Pick<Logger, "error">;
  readonly key: string;
  /** The revision of the record as it was read; 0 when there was none. */
  readonly revision: number;
  /** Something of the drains `ids` changed since the last draft, or was not stored. */
  readonly draft: (ids: ReadonlySet<string>) => Draft;
  /** Writes that are asked for at once are gathered, so that puts come no closer together than this. */
  readonly paceMs: () => number;
  /** Called once when somebody else wrote the record: nothing is written any more. */
  readonly onLost: () => void;
};

/** Waits between attempts at a Store that fails. */
const storeRetryMs = 1_000;
/** Attempts at the last write of a drain, the first included. */
const lastTriesMax = 3;

/** One for all that have nothing to write, as most drains are idle. */
const none: Set<string> = new Set();

export class CheckpointWriter {
  readonly #options: CheckpointWriterOptions;
  readonly #record: OwnedRecord<unknown>;
  /** Drains of which something is not stored, without those of the put under way. */
  #changed = none;
  /** When what changed is to be written. */
  #dueMs = Number.POSITIVE_INFINITY;
  #lastPutMs = Number.NEGATIVE_INFINITY;
  /** Told of the next write. */
  #waiting: ((isWritten: boolean) => void)[] = [];
  /** The wait before a write, while there is one. */
  #pause: { readonly end: () => void; readonly afterFailure: boolean } | undefined;
  #putting: Promise<boolean> | undefined;
  #running: Promise<void> | undefined;
  #isLost = false;

  constructor(options: CheckpointWriterOptions) {
    this.#options = options;
    this.#record = new OwnedRecord(options.store, options.key, options.revision);
  }

  get isLost(): boolean {
    return this.#isLost;
  }

  /** Something of the drain `id` changed: it is written by `dueMs` of the monotonic clock. */
  changed(id: string, dueMs: number): void {
    if (this.#isLost) return;
    this.#add(id);
    if (dueMs < this.#dueMs) {
      this.#dueMs = dueMs;
      this.#endPause();
    }
    this.#running ??= this.#run();
  }

  #add(id: string): void {
    if (this.#changed === none) this.#changed = new Set();
    this.#changed.add(id);
  }

  /** Writes as soon as may be; resolves to false when the Store failed or the record is somebody else's. */
  writeNow(id: string): Promise<boolean> {
    return new Promise((resolve) => {
      if (this.#isLost) return resolve(false);
      this.#waiting.push(resolve);
      this.changed(id, Number.POSITIVE_INFINITY);
      this.#endPause();
    });
  }

  /** Writes what is not stored of the drain, if the Store takes it within a few tries; then that is given up. */
  async flush(id: string): Promise<void> {
    await this.#putting;
    if (this.#changed.has(id)) this.#pause?.end();
    for (let tries = 0; tries < lastTriesMax && this.#changed.has(id); tries++) await this.writeNow(id);
    // The lines that were delivered since will be repeated.
    if (this.#changed.delete(id) && this.#changed.size === 0) this.#pause?.end();
  }

  /** Writes all that is not stored, as `flush` does for each. */
  async close(): Promise<void> {
    await this.#putting;
    await Promise.all([...this.#changed].map((id) => this.flush(id)));
  }

  async #run(): Promise<void> {
    while (this.#changed.size > 0 && !this.#isLost) {
      if (!(await this.#untilDue())) continue;
      this.#dueMs = Number.POSITIVE_INFINITY;
      const waiting = this.#waiting;
      this.#waiting = [];
      const ids = this.#changed;
      this.#changed = none;
      this.#putting = this.#put(ids);
      const isWritten = await this.#putting;
      this.#putting = undefined;
      if (!isWritten) for (const id of ids) this.#add(id);
      for (const tell of waiting) tell(isWritten && !this.#isLost);
      if (isWritten) continue;
      this.#dueMs = this.#options.clock.monotonicMs();
      await this.#sleep(storeRetryMs, true);
    }
    this.#running = undefined;
    for (const tell of this.#waiting.splice(0)) tell(false);
  }

  /** False when it may be due by now, or there may be nothing left to write: it is to be looked at again. */
  async #untilDue(): Promise<boolean> {
    const pacedMs = this.#waiting.length > 0 ? this.#lastPutMs + this.#options.paceMs() : this.#dueMs;
    const leftMs = Math.min(this.#dueMs, pacedMs) - this.#options.clock.monotonicMs();
    if (leftMs <= 0) return true;
    await this.#sleep(leftMs, false);
    return false;
  }

  async #sleep(ms: number, afterFailure: boolean): Promise<void> {
    const ending = new AbortController();
    this.#pause = { end: () => ending.abort(), afterFailure };
    await this.#options.clock.sleep(ms, ending.signal);
    this.#pause = undefined;
  }

  // A Store that failed is not asked again before its time.
  #endPause(): void {
    if (this.#pause?.afterFailure === false) this.#pause.end();
  }

  // False when the Store failed and it is worth another try.
  async #put(ids: ReadonlySet<string>): Promise<boolean> {
    const { clock, logger, draft, onLost } = this.#options;
    try {
      const { value, written } = draft(ids);
      const put = await this.#record.put(value);
      this.#lastPutMs = clock.monotonicMs();
      if (put === "written") {
        written();
        return true;
      }
    } catch (err) {
      logger.error({ err }, "a drain's checkpoint could not be stored");
      return false;
    }
    this.#isLost = true;
    onLost();
    return true;
  }
}
