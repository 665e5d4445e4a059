/**
 * A drain's checkpoint, as set by its worker. Where one process runs all drains, each has a record of its own; where
 * nodes share them, `CheckpointSheets` keeps those of one lease together.
 */
import type { Logger } from "pino";
import { checkpointKey } from "../../../core/records/record-keys.ts";
import type { Clock, Store } from "../../../ports.ts";
import { type DrainCheckpoint, readCheckpoint } from "../../../registry/drain-checkpoint.ts";
import type { DrainRecord } from "../../../registry/records.ts";
import type { Within } from "../machine/delivery-types.ts";
import type { CheckpointPace } from "./checkpoint-pace.ts";
import { CheckpointWriter } from "./checkpoint-writer.ts";

export type CheckpointOptions = {
  readonly store: Store;
  readonly clock: Clock;
  readonly logger: Pick<Logger, "error">;
  /** How soon a checkpoint is written after it changed. */
  readonly commitMsMax: number;
  /** The same, if it depends on the load. */
  readonly pace?: CheckpointPace | undefined;
};

/** The record that a checkpoint is in, as it sees it. */
type CheckpointRecord = Pick<CheckpointWriter, "changed" | "writeNow" | "flush"> & {
  /** The delay of its writes after whole spans of the clock. */
  readonly offsetMs: number;
};

type CheckpointParts = {
  readonly id: string;
  readonly latest: DrainCheckpoint;
  readonly clock: Clock;
  readonly commitMsMax: number;
  readonly pace?: CheckpointPace | undefined;
  readonly onConflict: () => void;
};

/** How late changes may be written that matter only to readers of the checkpoint. */
const secondMs = 1_000;

export class Checkpoint {
  readonly #parts: CheckpointParts;
  /** Undefined when the drain was somebody else's from the start. */
  readonly #record: CheckpointRecord | undefined;
  #latest: DrainCheckpoint;
  #storedLine: number;
  #isTakenOver: boolean;

  constructor(parts: CheckpointParts, record: CheckpointRecord | undefined) {
    this.#parts = parts;
    this.#record = record;
    this.#latest = parts.latest;
    this.#storedLine = parts.latest.line;
    this.#isTakenOver = record === undefined;
  }

  /**
   * Reads what was stored last, or begins at the drain's start, in a record of its own. `onConflict` is called once
   * when somebody else wrote it, because the drain is then theirs.
   */
  static async open(
    drain: DrainRecord,
    options: CheckpointOptions,
    onConflict: () => void,
  ): Promise<Checkpoint> {
    const { store, clock, logger, commitMsMax, pace } = options;
    const key = checkpointKey(drain.id);
    const found = await store.get(key);
    const latest = readCheckpoint(found?.value, drain);
    const parts = { id: drain.id, latest, clock, commitMsMax, pace, onConflict };
    const writer = new CheckpointWriter({
      store,
      clock,
      logger,
      key,
      revision: found?.revision ?? 0,
      draft: () => checkpoint.draft(),
      paceMs: () => 0,
      onLost: () => checkpoint.takenOver(),
    });
    // All drains of a process write at the same moments, so that they share one commit of its store.
    const record: CheckpointRecord = Object.assign(writer, { offsetMs: 0 });
    const checkpoint: Checkpoint = new Checkpoint(parts, record);
    return checkpoint;
  }

  /** The checkpoint that was set last, whether or not it is written. */
  get latest(): DrainCheckpoint {
    return this.#latest;
  }

  /** True when somebody else has the drain, so that nothing that is set here is written. */
  get isTakenOver(): boolean {
    return this.#isTakenOver;
  }

  /** The line of the cursor as it is stored. */
  get storedLine(): number {
    return this.#storedLine;
  }

  /**
   * The number of the span of `commitMsMax` that contains `ms` of the monotonic clock; the record is written between
   * spans.
   */
  spanOf(ms: number): number {
    return Math.floor((ms - (this.#record?.offsetMs ?? 0)) / this.#parts.commitMsMax);
  }

  /** Takes effect at once, and is written within `commitMsMax`, at the pace's time, or within a second. */
  set(checkpoint: DrainCheckpoint, within: Within = "moment"): void {
    this.#latest = checkpoint;
    if (this.#isTakenOver) return;
    const { pace, commitMsMax } = this.#parts;
    const pacedMs = within === "pace" && pace !== undefined ? pace.spanMs : commitMsMax;
    const msMax = within === "second" ? secondMs : pacedMs;
    const offsetMs = this.#record!.offsetMs;
    const nowMs = this.#parts.clock.monotonicMs() - offsetMs;
    this.#record!.changed(this.#parts.id, (Math.floor(nowMs / msMax) + 1) * msMax + offsetMs);
  }

  /** Takes effect and is written at once; false if the Store failed or somebody else has the drain. */
  async setNow(checkpoint: DrainCheckpoint): Promise<boolean> {
    if (this.#isTakenOver) return false;
    this.#latest = checkpoint;
    return this.#record!.writeNow(this.#parts.id);
  }

  /** Idempotent. Writes what is left, if the Store accepts it. */
  async close(): Promise<void> {
    await this.#record?.flush(this.#parts.id);
  }

  /** The state to write now, for the record that contains it. */
  draft(): { readonly value: DrainCheckpoint; readonly written: () => void } {
    const value = this.#latest;
    const written = () => {
      this.#storedLine = value.line;
      this.#parts.pace?.wrote();
    };
    return { value, written };
  }

  /** Call when somebody else wrote the record that contains it. */
  takenOver(): void {
    this.#isTakenOver = true;
    this.#parts.onConflict();
  }
}
