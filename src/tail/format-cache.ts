/** Formats each batch once for all tails of an app: the result is kept with its batch, in bounded memory. */
import { LRUCache } from "lru-cache";
import type { StoredBatch } from "../core/batch/batch.ts";
import {
  type Formatted,
  type Formatting,
  formattingOf,
  type Selection,
  type Shape,
} from "../core/format/format.ts";
import { turns } from "../turns.ts";

/** The results by their shapes, finished or under way. */
type Shapes = Map<string, Formatted | Promise<Formatted>>;

const entryOverheadBytes = 200;

/** Formatted batches, by batch and shape. Beyond `bytesMax`, the least recently sent go. */
export class FormatCache {
  readonly #batches = new WeakMap<StoredBatch, Shapes>();
  readonly #kept: LRUCache<Formatted, { shapes: Shapes; key: string }>;
  readonly #begin: typeof formattingOf;

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
   * The selected lines of the batch in `shape`; `filter` names the filter that selected them. A promise if there are
   * so many lines that others get turns in between.
   */
  get(batch: StoredBatch, shape: Shape, selection: Selection, filter = ""): Formatted | Promise<Formatted> {
    const key = `${selection.skip} ${shape.format} ${shape.transport} ${filter}`;
    let shapes = this.#batches.get(batch);
    if (shapes === undefined) this.#batches.set(batch, (shapes = new Map()));
    const known = shapes.get(key);
    if (known !== undefined) {
      if (!(known instanceof Promise)) this.#kept.get(known); // makes it the newest
      return known;
    }
    const formatting = this.#begin(batch, shape, selection);
    const formatted = formatting.go(() => turns.isOver);
    if (formatted !== undefined) return this.#keep(formatted, shapes, key);
    const going = goOn(formatting, batch.incarnation).then((done) => this.#keep(done, shapes, key));
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

async function goOn(formatting: Formatting, group: string): Promise<Formatted> {
  for (;;) {
    await turns.next(group);
    const formatted = formatting.go(() => turns.isOver);
    if (formatted !== undefined) return formatted;
  }
}
