/** One sheet, as kept by the holder of its lease: up to 64 checkpoints that are written as one record. */
import { sheetKey } from "../../../core/records/record-keys.ts";
import { type DrainCheckpoint, readCheckpoint } from "../../../registry/drain-checkpoint.ts";
import {
  type DrainSheet,
  entryIn,
  sheetDrainsMax,
  sheetErrorCharsMax,
} from "../../../registry/drain-sheet.ts";
import type { DrainRecord } from "../../../registry/records.ts";
import { Checkpoint, type CheckpointOptions } from "./checkpoint.ts";
import { CheckpointWriter, type Draft } from "./checkpoint-writer.ts";

export type SheetOptions = CheckpointOptions & {
  readonly lease: number;
  /** In [0, 1): spreads the writes of sheets. */
  readonly random: () => number;
};

type SheetParts = {
  readonly name: string;
  readonly revision: number;
  readonly drains: DrainSheet["drains"];
  readonly onLost: () => void;
};

/** The least time between immediate writes, per drain of the sheet. */
const paceMsEach = 0.5;

export class CheckpointSheet {
  readonly name: string;
  readonly #options: SheetOptions;
  readonly #entries: Map<string, unknown>;
  /** The checkpoints of drains that have a worker. */
  readonly #checkpoints = new Map<string, Checkpoint>();
  readonly #writer: CheckpointWriter;
  readonly #offsetMs: number;

  /** A sheet as it was read and claimed, or a new one, which has `revision` 0. */
  constructor({ name, revision, drains, onLost }: SheetParts, options: SheetOptions) {
    this.name = name;
    this.#options = options;
    this.#entries = new Map(Object.entries(drains));
    this.#offsetMs = Math.floor(options.random() * options.commitMsMax);
    this.#writer = new CheckpointWriter({
      ...options,
      key: sheetKey(name),
      revision,
      draft: (ids) => this.#draft(ids),
      paceMs: () => this.#entries.size * paceMsEach,
      onLost: () => {
        onLost();
        for (const checkpoint of this.#checkpoints.values()) checkpoint.takenOver();
      },
    });
  }

  /** True when somebody else wrote it. */
  get isLost(): boolean {
    return this.#writer.isLost;
  }

  get ids(): readonly string[] {
    return [...this.#entries.keys()];
  }

  get hasRoom(): boolean {
    return this.#entries.size < sheetDrainsMax;
  }

  /** True when it is empty: its record is removed, and it accepts nothing more. */
  get isEmpty(): boolean {
    return this.#entries.size === 0;
  }

  has(id: string): boolean {
    return this.#entries.has(id);
  }

  /** Adds the drain's checkpoint; false when it could not be stored. It gets the lease of the sheet. */
  add(id: string, { lease: _, ...checkpoint }: DrainCheckpoint): Promise<boolean> {
    this.#entries.set(id, this.#entryOf(checkpoint));
    return this.#writer.writeNow(id);
  }

  /** The checkpoint of a drain in the sheet, for its worker. Throws `drainStateUnreadable`. */
  open(drain: DrainRecord, onConflict: () => void): Checkpoint {
    const { clock, commitMsMax } = this.#options;
    const { id } = drain;
    const latest = readCheckpoint(entryIn(this.#entries.get(id), id), drain);
    const record = {
      offsetMs: this.#offsetMs,
      changed: (of: string, dueMs: number) => this.#writer.changed(of, dueMs),
      writeNow: (of: string) => this.#writer.writeNow(of),
      flush: async (of: string) => {
        await this.#writer.flush(of);
        if (this.#checkpoints.get(of) === checkpoint) this.#checkpoints.delete(of);
      },
    };
    const checkpoint = new Checkpoint({ id, latest, clock, commitMsMax, onConflict }, record);
    this.#checkpoints.set(id, checkpoint);
    return checkpoint;
  }

  /** Removes the drain's checkpoint; resolves when that is stored, or could not be. */
  async drop(id: string): Promise<void> {
    this.#checkpoints.delete(id);
    if (this.#entries.delete(id)) await this.#writer.writeNow(id);
  }

  /** Writes what is left, if the Store accepts it within a few tries. */
  close(): Promise<void> {
    return this.#writer.close();
  }

  #draft(ids: readonly string[]): Draft {
    const { lease } = this.#options;
    const stored: (() => void)[] = [];
    for (const id of ids) {
      const draft = this.#checkpoints.get(id)?.draft();
      if (draft === undefined || !this.#entries.has(id)) continue;
      this.#entries.set(id, this.#entryOf(draft.value));
      stored.push(draft.written);
    }
    const sheet: DrainSheet = { version: 1, lease, drains: Object.fromEntries(this.#entries) };
    const written = () => {
      for (const tell of stored) tell();
    };
    return { value: this.isEmpty ? undefined : sheet, written };
  }

  #entryOf(checkpoint: DrainCheckpoint): DrainCheckpoint {
    const { lastError } = checkpoint;
    if (lastError === undefined || lastError.message.length <= sheetErrorCharsMax) return checkpoint;
    return {
      ...checkpoint,
      lastError: { ...lastError, message: lastError.message.slice(0, sheetErrorCharsMax) },
    };
  }
}
