/**
 * Writes one record of checkpoints to the Store, of one drain or of many: a moment after something in it changed, one
 * put at a time, so that busy drains cost few writes. A crash repeats at most what was delivered since.
 */
import type { Logger } from "pino";
import type { Clock, Store } from "../../../ports.ts";
import { Moments, type Sleeper } from "./moments.ts";
import { OwnedRecord, type Put } from "./owned-record.ts";

/** The record to write now; `undefined` removes it. `written` is called once it is stored. */
export type Draft = { readonly value: unknown; readonly written: () => void };

type CheckpointWriterOptions = {
  readonly store: Store;
  readonly clock: Clock;
  readonly logger: Pick<Logger, "error">;
  readonly key: string;
  /** The revision of the record as it was read; 0 when there was none. */
  readonly revision: number;
  /** Returns the present record. The drains `ids` have changed since the last draft, or were not stored. */
  readonly draft: (ids: readonly string[]) => Draft;
  /** The least time between puts, within which immediate writes are gathered. */
  readonly paceMs: () => number;
  /** Called once when somebody else wrote the record: nothing is written from then on. */
  readonly onLost: () => void;
};

/** The wait between attempts while the Store fails. */
const storeRetryMs = 1_000;
/** Attempts for the last write of a drain, including the first. */
const lastTriesMax = 3;

/** Shared by all that have nothing to write, since most drains are idle. */
const none: string[] = [];
const nobody: ((isWritten: boolean) => void)[] = [];

export class CheckpointWriter implements Sleeper {
  readonly #options: CheckpointWriterOptions;
  readonly #record: OwnedRecord<unknown>;
  readonly #moments: Moments;
  /** Drains with changes that are neither stored nor in the put under way. */
  #changed = none;
  /** When the changes must be written. */
  #dueMs = Number.POSITIVE_INFINITY;
  /** After a failure, the Store is not asked before this. */
  #againMs = Number.NEGATIVE_INFINITY;
  #lastPutMs = Number.NEGATIVE_INFINITY;
  /** When it next checks whether to write. */
  #wakeMs = Number.POSITIVE_INFINITY;
  /** Callbacks for the end of the next write. */
  #waiting = nobody;
  #putting: Promise<void> | undefined;
  #isLost = false;

  constructor(options: CheckpointWriterOptions) {
    this.#options = options;
    this.#record = new OwnedRecord(options.store, options.key, options.revision);
    this.#moments = Moments.of(options.clock);
  }

  get isLost(): boolean {
    return this.#isLost;
  }

  /** The drain `id` changed: this is written by `dueMs` of the monotonic clock. */
  changed(id: string, dueMs: number): void {
    if (this.#isLost) return;
    this.#add(id);
    if (dueMs < this.#dueMs) this.#dueMs = dueMs;
    this.#plan();
  }

  #add(id: string): void {
    if (this.#changed === none) this.#changed = [id];
    else if (!this.#changed.includes(id)) this.#changed.push(id);
  }

  /** Writes as soon as possible; resolves to false if the Store failed or somebody else has the record. */
  writeNow(id: string): Promise<boolean> {
    return new Promise((resolve) => {
      if (this.#isLost) return resolve(false);
      if (this.#waiting === nobody) this.#waiting = [];
      this.#waiting.push(resolve);
      this.changed(id, Number.POSITIVE_INFINITY);
    });
  }

  /** Writes the drain's changes, if the Store accepts them within a few tries; otherwise they are given up. */
  async flush(id: string): Promise<void> {
    await this.#putting;
    this.#againMs = Number.NEGATIVE_INFINITY;
    for (let tries = 0; tries < lastTriesMax && this.#changed.includes(id); tries++) await this.writeNow(id);
    // The lines that were delivered since then will be repeated.
    if (this.#changed.includes(id)) this.#changed = this.#changed.filter((one) => one !== id);
  }

  /** Writes everything that is left, as `flush` does for each drain. */
  async close(): Promise<void> {
    await this.#putting;
    await Promise.all(this.#changed.map((id) => this.flush(id)));
  }

  /** Called at a time that was waited for; an earlier check may have done the work already. */
  woken(atMs: number): void {
    if (atMs === this.#wakeMs) this.#wakeMs = Number.POSITIVE_INFINITY;
    if (this.#putting !== undefined || this.#changed.length === 0) return;
    if (this.#nextMs > this.#options.clock.monotonicMs()) this.#plan();
    else this.#putting = this.#write();
  }

  // Plans the next check for when a write is due, unless a put is under way, which plans it when it ends.
  #plan(): void {
    if (this.#putting !== undefined || this.#changed.length === 0) return;
    const nextMs = this.#nextMs;
    if (nextMs >= this.#wakeMs) return;
    this.#wakeMs = nextMs;
    // Deferred to the end of this turn of promises, so that changes that are made together are written together.
    if (nextMs <= this.#options.clock.monotonicMs()) queueMicrotask(() => this.woken(nextMs));
    else this.#moments.wake(this, nextMs);
  }

  get #nextMs(): number {
    const isAsked = this.#waiting.length > 0;
    const dueMs = isAsked ? Math.min(this.#dueMs, this.#lastPutMs + this.#options.paceMs()) : this.#dueMs;
    return Math.max(this.#againMs, dueMs);
  }

  // Only one promise and its callbacks wait for the Store, because thousands of drains write at the same moment.
  #write(): Promise<void> {
    const ids = this.#changed;
    const waiting = this.#waiting;
    this.#changed = none;
    this.#waiting = nobody;
    this.#dueMs = Number.POSITIVE_INFINITY;
    const failed = (err: unknown) => {
      this.#options.logger.error({ err }, "a drain's checkpoint could not be stored");
      this.#ended(false, ids, waiting);
    };
    try {
      const { value, written } = this.#options.draft(ids);
      const done = (put: Put) => {
        this.#lastPutMs = this.#options.clock.monotonicMs();
        if (put === "written") written();
        else this.#lost();
        this.#ended(true, ids, waiting);
      };
      return this.#record.put(value, done, failed);
    } catch (err) {
      return Promise.resolve(err).then(failed);
    }
  }

  // `isOver`: false if the Store failed and another try is worthwhile.
  #ended(isOver: boolean, ids: readonly string[], waiting: readonly ((isWritten: boolean) => void)[]): void {
    this.#putting = undefined;
    if (!isOver) {
      for (const id of ids) this.#add(id);
      this.#dueMs = this.#options.clock.monotonicMs();
      this.#againMs = this.#dueMs + storeRetryMs;
    }
    for (const tell of waiting) tell(isOver && !this.#isLost);
    if (this.#isLost) for (const tell of this.#waiting.splice(0)) tell(false);
    else this.#plan();
  }

  #lost(): void {
    this.#isLost = true;
    this.#options.onLost();
  }
}
