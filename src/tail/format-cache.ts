/** A thousand tails of one app format each batch once: what was formatted is kept with its batch, in bounded memory. */
import { LRUCache } from "lru-cache";
import type { StoredBatch } from "../core/batch.ts";
import { type Formatted, formatBatch, type Selection, type Shape } from "../core/format.ts";

type Shapes = Map<string, Formatted>;

const entryOverheadBytes = 200;

/** Formatted batches, by batch and shape. The least recently sent ones go when there are more than `bytesMax`. */
export class FormatCache {
  readonly #batches = new WeakMap<StoredBatch, Shapes>();
  readonly #kept: LRUCache<Formatted, { shapes: Shapes; key: string }>;
  readonly #format: typeof formatBatch;

  /** `format` is there for tests that count. */
  constructor({ bytesMax, format = formatBatch }: { bytesMax: number; format?: typeof formatBatch }) {
    this.#format = format;
    this.#kept = new LRUCache({
      maxSize: bytesMax,
      sizeCalculation: (_, formatted) => formatted.bytes.length + entryOverheadBytes,
      dispose: ({ shapes, key }) => shapes.delete(key),
    });
  }

  /** The selected lines of the batch in `shape`; `filter` names what kept them. */
  get(batch: StoredBatch, shape: Shape, selection: Selection, filter = ""): Formatted {
    const key = `${selection.skip} ${shape.format} ${shape.transport} ${filter}`;
    let shapes = this.#batches.get(batch);
    if (shapes === undefined) this.#batches.set(batch, (shapes = new Map()));
    let formatted = shapes.get(key);
    if (formatted === undefined) {
      formatted = this.#format(batch, shape, selection);
      this.#kept.set(formatted, { shapes, key });
      if (this.#kept.has(formatted)) shapes.set(key, formatted); // else it is larger than all may be
    } else {
      this.#kept.get(formatted); // makes it the newest
    }
    return formatted;
  }
}
