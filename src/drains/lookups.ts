/**
 * Looking names up, fairly. The system's resolver has two threads, a lookup cannot be called off, and one whose name
 * servers are silent takes ten seconds and more: a handful of such names would keep every drain from connecting. So a
 * name is looked up once at a time for all who ask; names that were quick the last time go at once; all others go one
 * by one, new names before those that were slow.
 */
import { type LookupAllOptions, lookup as systemLookup } from "node:dns";
import { LRUCache } from "lru-cache";
import type { Clock } from "../ports.ts";
import type { Resolve } from "./addresses.ts";

type Done = Parameters<Resolve>[2];

export type LookupLimits = {
  /** A name that took longer is slow. */
  readonly slowMs: number;
  /** Names of which it is known how long they took. */
  readonly namesMax: number;
};

/** `dns.lookup` for all addresses, to be shared by everybody who connects. */
export class Lookups {
  readonly #limits: LookupLimits & { readonly clock: Pick<Clock, "nowMs"> };
  readonly #system: Resolve;
  readonly #pace: LRUCache<string, "quick" | "slow">;
  readonly #askers = new Map<string, Done[]>();
  readonly #waiting = { unknown: new Map<string, () => void>(), slow: new Map<string, () => void>() };
  #isDoubtfulUnderWay = false;

  constructor(
    limits: LookupLimits & { readonly clock: Pick<Clock, "nowMs"> },
    system: Resolve = systemLookup,
  ) {
    this.#limits = limits;
    this.#system = system;
    this.#pace = new LRUCache({ max: limits.namesMax });
  }

  /** Calls `done` once, with all addresses of `name`. */
  readonly resolve: Resolve = (name, options, done) => {
    const key = `${name} ${options.family ?? 0}`;
    const askers = this.#askers.get(key);
    if (askers !== undefined) {
      askers.push(done);
      return;
    }
    this.#askers.set(key, [done]);
    const pace = this.#pace.get(key);
    if (pace === "quick") this.#look(key, name, options, () => {});
    else {
      const queue = pace === "slow" ? this.#waiting.slow : this.#waiting.unknown;
      queue.set(key, () => this.#look(key, name, options, () => this.#next()));
      if (!this.#isDoubtfulUnderWay) this.#next();
    }
  };

  #next(): void {
    const queue = this.#waiting.unknown.size > 0 ? this.#waiting.unknown : this.#waiting.slow;
    const [first] = queue;
    this.#isDoubtfulUnderWay = first !== undefined;
    if (first === undefined) return;
    queue.delete(first[0]);
    first[1]();
  }

  #look(key: string, name: string, options: LookupAllOptions, settled: () => void): void {
    const { clock, slowMs } = this.#limits;
    const startedAtMs = clock.nowMs();
    this.#system(name, options, (failure, found) => {
      this.#pace.set(key, clock.nowMs() - startedAtMs > slowMs ? "slow" : "quick");
      const askers = this.#askers.get(key) ?? [];
      this.#askers.delete(key);
      settled();
      for (const done of askers) done(failure, found);
    });
  }
}
