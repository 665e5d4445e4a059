/**
 * Formats each batch once for all tails of an app: the result is kept with its batch, in bounded memory. Thousands of
 * tails may each want lines of their own, so few results are under way at a time.
 */
import { LRUCache } from "lru-cache";
import type { StoredBatch } from "../core/batch/batch.ts";
import {
  type Formatted,
  type Formatting,
  formattingOf,
  type Selection,
  type Shape,
} from "../core/format/format.ts";
import { Semaphore } from "../core/scheduling/semaphore.ts";
import { turns } from "../turns.ts";

/** The results by their shapes, finished or under way. */
type Shapes = Map<string, Formatted | Promise<Formatted>>;

const entryOverheadBytes = 200;
/** Results that are not made within a turn. Each takes up to two pieces, and a line more. */
const placesMax = 4;

/** Formatted batches, by batch and shape. Beyond `bytesMax`, the least recently sent go. */
export class FormatCache {
  readonly #batches = new WeakMap<StoredBatch, Shapes>();
  readonly #kept: LRUCache<Formatted, { shapes: Shapes; key: string }>;
  readonly #begin: typeof formattingOf;
  readonly #places = new Semaphore(placesMax);

  /** `begin` is a parameter for tests that count. */
  constructor({ bytesMax, begin = formattingOf }: { bytesMax: number; begin?: typeof formattingOf }) {
    this.#begin = begin;
    this.#kept = new LRUCache({
      maxSize: bytesMax,
      sizeCalculation: (_, formatted) => formatted.bytes.buffer.byteLength + entryOverheadBytes,
      dispose: ({ shapes, key }) => shapes.delete(key),
    });
  }

  /**
   * The selected lines of the batch in `shape`, or the first piece of them; `filter` names the filter that selected
   * them. A promise if there are so many lines that others get turns in between.
   */
  get(batch: StoredBatch, shape: Shape, selection: Selection, filter = ""): Formatted | Promise<Formatted> {
    const key = `${selection.skip} ${selection.byte ?? ""} ${shape.format} ${shape.transport} ${filter}`;
    let shapes = this.#batches.get(batch);
    if (shapes === undefined) this.#batches.set(batch, (shapes = new Map()));
    const known = shapes.get(key);
    if (known !== undefined) {
      if (!(known instanceof Promise)) this.#kept.get(known); // makes it the newest
      return known;
    }
    const formatting = turns.isOver ? undefined : this.#begin(batch, shape, selection);
    const formatted = formatting?.go(() => turns.isOver);
    if (formatted !== undefined) return this.#keep(formatted, shapes, key);
    // Memory that was begun is let go while it waits for a place.
    const begun = this.#places.isFree ? formatting : undefined;
    const goOn = () => goOnWith(begun ?? this.#begin(batch, shape, selection), batch.incarnation);
    const going = this.#places.run(goOn, batch.incarnation).then((done) => this.#keep(done, shapes, key));
    shapes.set(key, going);
    return going;
  }

  #keep(formatted: Formatted, shapes: Shapes, key: string): Formatted {
    this.#kept.set(formatted, { shapes, key });
    if (this.#kept.has(formatted)) shapes.set(key, formatted);
    else shapes.delete(key); // it is larger than the cache
    return formatted;
  }
}

async function goOnWith(formatting: Formatting, group: string): Promise<Formatted> {
  for (;;) {
    await turns.next(group);
    const formatted = formatting.go(() => turns.isOver);
    if (formatted !== undefined) return formatted;
  }
}
