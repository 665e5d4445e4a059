/** Everything that runs owners' patterns, for filters and for redactions. */
import { LineRedactions } from "./line-redactions.ts";
import { PatternPool, type PoolParts } from "./pool.ts";
import { Selector, type SelectorLimits } from "./selector.ts";

export type PatternsParts = PoolParts & { readonly limits: SelectorLimits };

export class Patterns {
  readonly selector: Selector;
  readonly redactions: LineRedactions;
  readonly #pool: PatternPool;

  constructor(parts: PatternsParts) {
    this.#pool = new PatternPool(parts);
    this.selector = new Selector(this.#pool, parts.limits);
    this.redactions = new LineRedactions(this.#pool);
  }

  /** Idempotent. Work under way is abandoned. */
  close(): Promise<void> {
    return this.#pool.close();
  }
}
