/**
 * Writes a drain's checkpoint to the Store: a moment after it changed, one put at a time, so that a busy drain costs
 * few writes. A crash repeats at most what was delivered since (`commitMsMax` and one put).
 */
import type { Logger } from "pino";
import { checkpointKey } from "../../core/record-keys.ts";
import type { Clock, Store } from "../../ports.ts";
import { type DrainCheckpoint, readCheckpoint } from "../../registry/drain-checkpoint.ts";
import type { DrainRecord } from "../../registry/records.ts";
import { OwnedRecord } from "./owned-record.ts";

export type CheckpointOptions = {
  readonly store: Store;
  readonly clock: Clock;
  readonly logger: Pick<Logger, "error">;
  /** A checkpoint is written at most so long after it changed. */
  readonly commitMsMax: number;
  /** The lease of the drain's shard, where nodes share the drains. */
  readonly lease?: number | undefined;
  /** Called once when somebody else wrote the checkpoint: the drain is theirs. */
  readonly onConflict: () => void;
};

/** Waits between attempts at a Store that fails. */
const storeRetryMs = 1_000;
/** Changes that only readers of the checkpoint miss may be written so late. */
const secondMs = 1_000;
/** Attempts at the last write, the first included. */
const closeTriesMax = 3;

export class Checkpoint {
  readonly #options: CheckpointOptions;
  readonly #record: OwnedRecord<DrainCheckpoint>;
  #latest: DrainCheckpoint;
  #storedLine: number;
  /** When what changed is to be written; undefined when nothing changed. */
  #dueMs: number | undefined;
  /** Told of the next write. */
  readonly #waiting: ((isWritten: boolean) => void)[] = [];
  /** The wait before a write, while there is one. */
  #pause: { readonly end: () => void; readonly afterFailure: boolean } | undefined;
  #writing: Promise<void> | undefined;
  #isClosing = false;
  #isTakenOver: boolean;

  private constructor(
    latest: DrainCheckpoint,
    revision: number,
    isTakenOver: boolean,
    drain: DrainRecord,
    options: CheckpointOptions,
  ) {
    this.#options = options;
    this.#record = new OwnedRecord(options.store, checkpointKey(drain.id), revision);
    this.#latest = latest;
    this.#storedLine = latest.line;
    this.#isTakenOver = isTakenOver;
  }

  /**
   * Reads what was stored last, or begins at the drain's start. With a lease it is claimed by a put: from here on
   * whoever wrote it before cannot any more. It is lost at once when a later lease claimed it.
   */
  static async open(drain: DrainRecord, options: CheckpointOptions): Promise<Checkpoint> {
    const { store, lease } = options;
    for (;;) {
      const found = await store.get(checkpointKey(drain.id));
      const latest = readCheckpoint(found?.value, drain);
      const revision = found?.revision ?? 0;
      if (lease === undefined) return new Checkpoint(latest, revision, false, drain, options);
      if (lease < (latest.lease ?? 0)) return new Checkpoint(latest, revision, true, drain, options);
      const claimed = { ...latest, lease };
      const put = await store.put(checkpointKey(drain.id), claimed, revision);
      if (put !== undefined) return new Checkpoint(claimed, put, false, drain, options);
    }
  }

  /** The checkpoint that was set last, written or not. */
  get latest(): DrainCheckpoint {
    return this.#latest;
  }

  /** True when the drain is somebody else's: what is set here is written nowhere. */
  get isTakenOver(): boolean {
    return this.#isTakenOver;
  }

  /** The cursor's line as it is stored. */
  get storedLine(): number {
    return this.#storedLine;
  }

  /** Takes effect now and is written within `commitMsMax`, or within a second when that is said. */
  set(checkpoint: DrainCheckpoint, within: "moment" | "second" = "moment"): void {
    this.#latest = checkpoint;
    const dueMs = this.#dueWithin(within === "moment" ? this.#options.commitMsMax : secondMs);
    if (this.#dueMs === undefined || dueMs < this.#dueMs) {
      this.#dueMs = dueMs;
      this.#endPause();
    }
    if (!this.#isTakenOver) this.#writing ??= this.#write();
  }

  /** Takes effect now and is written at once; false when the Store failed or the drain is somebody else's. */
  setNow(checkpoint: DrainCheckpoint): Promise<boolean> {
    return new Promise((resolve) => {
      if (this.#isTakenOver) return resolve(false);
      this.#waiting.push(resolve);
      this.set(checkpoint);
      this.#endPause();
    });
  }

  /** Idempotent. Writes what is not written, if the Store takes it. */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.#pause?.end();
    await this.#writing;
  }

  // All drains of one process write at the same moments: one commit of its store is for all of them.
  #dueWithin(msMax: number): number {
    const { clock, lease } = this.#options;
    const nowMs = clock.monotonicMs();
    return lease === undefined ? (Math.floor(nowMs / msMax) + 1) * msMax : nowMs + msMax;
  }

  async #write(): Promise<void> {
    let closeTries = 0;
    while (this.#dueMs !== undefined && !this.#isTakenOver) {
      await this.#untilDue();
      this.#dueMs = undefined;
      const waiting = this.#waiting.splice(0);
      const isWritten = await this.#put(this.#latest);
      for (const tell of waiting) tell(isWritten && !this.#isTakenOver);
      if (isWritten) continue;
      this.#dueMs ??= this.#options.clock.monotonicMs();
      if (this.#isClosing && ++closeTries >= closeTriesMax) break; // what was delivered since will be repeated
      await this.#sleep(storeRetryMs, true);
    }
    this.#writing = undefined;
    for (const tell of this.#waiting.splice(0)) tell(false);
  }

  async #untilDue(): Promise<void> {
    while (!this.#isClosing && this.#waiting.length === 0) {
      const leftMs = this.#dueMs! - this.#options.clock.monotonicMs();
      if (leftMs <= 0) return;
      await this.#sleep(leftMs, false);
    }
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
  async #put(checkpoint: DrainCheckpoint): Promise<boolean> {
    try {
      if ((await this.#record.put(checkpoint)) === "written") {
        this.#storedLine = checkpoint.line;
        return true;
      }
    } catch (err) {
      this.#options.logger.error({ err }, "a drain's checkpoint could not be stored");
      return false;
    }
    this.#isTakenOver = true;
    this.#options.onConflict();
    return true;
  }
}
