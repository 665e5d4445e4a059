/**
 * Recently stored batches, kept in memory for followers that are busy: one window for all channels, bounded in bytes.
 */
import { linesBytes, type StoredBatch } from "../../core/batch/batch.ts";

/** Beyond this the oldest batches go, of whichever channel. */
export const windowBytesMax = 32 * 1024 * 1024;
const batchOverheadBytes = 400;

/** One channel's batches in the window, by their first lines. */
export type WindowedBatches = Map<number, WindowEntry>;

type WindowEntry = {
  readonly of: WindowedBatches;
  readonly batch: StoredBatch;
  readonly bytes: number;
  older: WindowEntry | undefined;
  newer: WindowEntry | undefined;
};

export class LiveWindow {
  #oldest: WindowEntry | undefined;
  #newest: WindowEntry | undefined;
  #bytes = 0;

  /** Memory of its batches with their indexes, including the cost of holding them. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Adds the newest batch of a channel. */
  add(of: WindowedBatches, batch: StoredBatch): void {
    this.remove(of, batch.line);
    batch.memory?.hold();
    const entry: WindowEntry = {
      of,
      batch,
      bytes: (batch.memory?.bytes ?? linesBytes(batch)) + batchOverheadBytes,
      older: this.#newest,
      newer: undefined,
    };
    if (this.#newest === undefined) this.#oldest = entry;
    else this.#newest.newer = entry;
    this.#newest = entry;
    of.set(batch.line, entry);
    this.#bytes += entry.bytes;
    while (this.#bytes > windowBytesMax && this.#oldest !== undefined)
      this.remove(this.#oldest.of, this.#oldest.batch.line);
  }

  /** Removes the channel's batch that begins at `line`, if it is there. */
  remove(of: WindowedBatches, line: number): void {
    const entry = of.get(line);
    if (entry === undefined) return;
    const { older, newer } = entry;
    of.delete(line);
    this.#bytes -= entry.bytes;
    if (older === undefined) this.#oldest = newer;
    else older.newer = newer;
    if (newer === undefined) this.#newest = older;
    else newer.older = older;
    // If a removed entry has been promoted to the old generation, it would promote all entries after it.
    entry.older = undefined;
    entry.newer = undefined;
    entry.batch.memory?.release();
  }
}
