/** Limits how many wrong keys an address may try, so that guessing takes time. */
import { LRUCache } from "lru-cache";
import { signInsTooMany } from "../errors/web.ts";
import type { Clock } from "../ports.ts";

type Tries = { count: number; readonly sinceMs: number };

type SignInLimits = {
  /** Wrong keys per address and window. */
  readonly triesMax: number;
  readonly windowMs: number;
  /** Addresses that are remembered; the one that has been quiet longest is forgotten. */
  readonly addressesMax: number;
};

export class SignInTries {
  readonly #clock: Clock;
  readonly #limits: SignInLimits;
  readonly #byAddress: LRUCache<string, Tries>;

  constructor(clock: Clock, limits: SignInLimits) {
    this.#clock = clock;
    this.#limits = limits;
    this.#byAddress = new LRUCache({ max: limits.addressesMax });
  }

  /** Throws if this address has used up its tries. */
  admit(address: string): void {
    const { triesMax, windowMs } = this.#limits;
    const tries = this.#of(address);
    if (tries === undefined || tries.count < triesMax) return;
    throw signInsTooMany(Math.ceil((tries.sinceMs + windowMs - this.#clock.monotonicMs()) / 1000));
  }

  /** Counts a wrong key from this address. */
  failed(address: string): void {
    const tries = this.#of(address) ?? { count: 0, sinceMs: this.#clock.monotonicMs() };
    tries.count++;
    this.#byAddress.set(address, tries);
  }

  #of(address: string): Tries | undefined {
    const tries = this.#byAddress.get(address);
    const isOver = tries && this.#clock.monotonicMs() - tries.sinceMs >= this.#limits.windowMs;
    return isOver ? undefined : tries;
  }
}
