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
  /** Keys that are being looked up, by address: each may turn out to be wrong. */
  readonly #underWay = new Map<string, Set<Promise<unknown>>>();

  constructor(clock: Clock, limits: SignInLimits) {
    this.#clock = clock;
    this.#limits = limits;
    this.#byAddress = new LRUCache({ max: limits.addressesMax });
  }

  /**
   * Calls `look`, whose result is undefined for a wrong key, when even so this address would be within its tries. Throws if
   * it has used them up.
   */
  async try<Found>(address: string, look: () => Promise<Found | undefined>): Promise<Found | undefined> {
    for (;;) {
      this.#admit(address);
      const before = this.#underWay.get(address);
      if (before === undefined || this.#left(address) > before.size) break;
      await Promise.race(before);
    }
    const looking = look();
    const underWay = this.#underWay.get(address) ?? new Set();
    const counted: Promise<void> = looking
      .then(
        (found) => found === undefined && this.#failed(address),
        () => {}, // told to the caller
      )
      .then(() => {
        underWay.delete(counted);
        if (underWay.size === 0) this.#underWay.delete(address);
      });
    this.#underWay.set(address, underWay.add(counted));
    return looking;
  }

  #left(address: string): number {
    return this.#limits.triesMax - (this.#of(address)?.count ?? 0);
  }

  #admit(address: string): void {
    if (this.#left(address) > 0) return;
    const untilMs = this.#of(address)!.sinceMs + this.#limits.windowMs;
    throw signInsTooMany(Math.ceil((untilMs - this.#clock.monotonicMs()) / 1000));
  }

  /** Counts a wrong key from this address. */
  #failed(address: string): void {
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
