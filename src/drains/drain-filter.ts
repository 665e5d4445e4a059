/** Finds which lines of waiting batches a drain's filter keeps. While some are delivered, the next are filtered. */
import type { StoredBatch } from "../core/batch/batch.ts";
import type { Kept, LineFilter } from "../core/filter/line-filter.ts";
import type { Payer, Selector } from "../patterns/selector.ts";

/** Looked at in advance, in stored bytes. */
const aheadBytesMax = 512 * 1024;

export class DrainFilter {
  readonly #filter: LineFilter;
  readonly #selector: Selector;
  readonly #payer: Payer;
  /** Gives what ends the looking. */
  readonly #signal: () => AbortSignal;
  readonly #kept = new WeakMap<StoredBatch, Kept | Promise<Kept | undefined>>();

  constructor(filter: LineFilter, selector: Selector, payer: Payer, signal: () => AbortSignal) {
    this.#filter = filter;
    this.#selector = selector;
    this.#payer = payer;
    this.#signal = signal;
  }

  /** The lines of a batch that are kept; undefined as long as that is not known. */
  readonly keptOf = (batch: StoredBatch): Kept | undefined => {
    const kept = this.#kept.get(batch);
    return kept instanceof Promise ? undefined : kept;
  };

  /**
   * Begins to look at what is next. Resolves when enough is known for the next cut: of the first batch, or of all up to
   * `endLine`. Undefined when it is known already; false: nobody looks at it any more.
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

  // A promise as long as it is not known which lines are kept, of undefined when the looking was ended.
  #look(batch: StoredBatch): Kept | Promise<Kept | undefined> {
    let kept = this.#kept.get(batch);
    if (kept !== undefined) return kept;
    kept = this.#selector.select(this.#payer, batch, this.#filter, this.#signal());
    this.#kept.set(batch, kept);
    if (kept instanceof Promise) void this.#keep(batch, kept);
    return kept;
  }

  // A look that was ended may go on for others: then the memory is left to the collector.
  async #keep(batch: StoredBatch, looking: Promise<Kept | undefined>): Promise<void> {
    batch.memory?.hold();
    const kept = await looking;
    if (kept === undefined) return;
    this.#kept.set(batch, kept);
    batch.memory?.release();
  }
}
