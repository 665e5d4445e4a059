/** What a drain's filter keeps of batches that wait. Those that are next are looked at while others are delivered. */
import type { StoredBatch } from "../core/batch.ts";
import type { Kept, LineFilter } from "../core/line-filter.ts";
import type { Payer, Selector } from "../patterns/selector.ts";

/** Looked at in advance, in stored bytes. */
const aheadBytesMax = 512 * 1024;

export class DrainFilter {
  readonly #filter: LineFilter;
  readonly #selector: Selector;
  readonly #payer: Payer;
  /** Ends the looking. */
  readonly #signal: AbortSignal;
  readonly #kept = new WeakMap<StoredBatch, Kept | Promise<Kept | undefined>>();

  constructor(filter: LineFilter, selector: Selector, payer: Payer, signal: AbortSignal) {
    this.#filter = filter;
    this.#selector = selector;
    this.#payer = payer;
    this.#signal = signal;
  }

  /** Begins to look at what is next. */
  lookAhead(batches: readonly StoredBatch[]): void {
    let bytes = 0;
    for (const batch of batches) {
      this.kept(batch);
      bytes += batch.bytes.length;
      if (bytes >= aheadBytesMax) return;
    }
  }

  /** Which lines are kept; a promise as long as that is not known, of undefined when the looking was ended. */
  kept(batch: StoredBatch): Kept | Promise<Kept | undefined> {
    let kept = this.#kept.get(batch);
    if (kept !== undefined) return kept;
    kept = this.#selector.select(this.#payer, batch, this.#filter, this.#signal);
    this.#kept.set(batch, kept);
    if (kept instanceof Promise) {
      void kept.then((known) => known !== undefined && this.#kept.set(batch, known));
    }
    return kept;
  }
}
