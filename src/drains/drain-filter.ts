/**
 * Finds which lines of waiting batches a drain's filter keeps. While some lines are delivered, the next are filtered.
 */
import type { StoredBatch } from "../core/batch/batch.ts";
import type { Kept, LineFilter } from "../core/filter/line-filter.ts";
import type { Payer, Selector } from "../patterns/selector.ts";

/** How far to filter in advance, in stored bytes. */
const aheadBytesMax = 512 * 1024;

export class DrainFilter {
  readonly #filter: LineFilter;
  readonly #selector: Selector;
  readonly #payer: Payer;
  /** Returns the signal that ends filtering. */
  readonly #signal: () => AbortSignal;
  readonly #kept = new WeakMap<StoredBatch, Kept | Promise<Kept | undefined>>();

  constructor(filter: LineFilter, selector: Selector, payer: Payer, signal: () => AbortSignal) {
    this.#filter = filter;
    this.#selector = selector;
    this.#payer = payer;
    this.#signal = signal;
  }

  /** The lines of a batch that are kept; undefined until that is known. */
  readonly keptOf = (batch: StoredBatch): Kept | undefined => {
    const kept = this.#kept.get(batch);
    return kept instanceof Promise ? undefined : kept;
  };

  /**
   * Starts to filter what is next. Resolves when enough is known for the next cut: the first batch, or all up to
   * `endLine`. Undefined when that is known already; resolves to false when filtering has been ended.
   */
  known(batches: readonly StoredBatch[], endLine: number): Promise<boolean> | undefined {
    this.#lookAhead(batches);
    const needed = batches.filter((batch, at) => at === 0 || batch.line < endLine);
    const waits = needed.map((batch) => this.#look(batch)).filter((kept) => kept instanceof Promise);
    if (waits.length === 0) return undefined;
    return Promise.all(waits).then((all) => all.every((kept) => kept !== undefined));
  }

  #lookAhead(batches: readonly StoredBatch[]): void {
    let bytes = 0;
    for (const batch of batches) {
      this.#look(batch);
      bytes += batch.bytes.length;
      if (bytes >= aheadBytesMax) return;
    }
  }

  // A promise while it is not known which lines are kept; it resolves to undefined when filtering is ended.
  #look(batch: StoredBatch): Kept | Promise<Kept | undefined> {
    let kept = this.#kept.get(batch);
    if (kept !== undefined) return kept;
    kept = this.#selector.select(this.#payer, batch, this.#filter, this.#signal());
    this.#kept.set(batch, kept);
    if (kept instanceof Promise) void this.#keep(batch, kept);
    return kept;
  }

  // A filtering that was ended may continue for others, so the memory is then left to the garbage collector.
  async #keep(batch: StoredBatch, looking: Promise<Kept | undefined>): Promise<void> {
    batch.memory?.hold();
    const kept = await looking;
    if (kept === undefined) return;
    this.#kept.set(batch, kept);
    batch.memory?.release();
  }
}
