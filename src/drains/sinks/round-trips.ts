/**
 * Round-trip times to destinations. As seen by this process, a TCP handshake seems longer by whatever else it did in
 * the meantime, which is most of the time when all drains start at once. So the minimum of the last hour counts.
 */
import ipaddr from "ipaddr.js";
import { LRUCache } from "lru-cache";

/** Routes may change. */
const rememberedMs = 3_600_000;
const addressesMax = 10_000;

export class RoundTrips {
  readonly #leastMs: LRUCache<string, number>;

  constructor(nowMs?: () => number) {
    this.#leastMs = new LRUCache({
      max: addressesMax,
      ttl: rememberedMs,
      ...(nowMs && { perf: { now: nowMs }, ttlResolution: 0 }),
    });
  }

  /**
   * The round trip to `address`, after a handshake that took `measuredMs`. On this machine it is 0, less than a timer
   * can resolve.
   */
  seen(address: string, measuredMs: number): number {
    if (ipaddr.process(address).range() === "loopback") return 0;
    const leastMs = this.#leastMs.get(address);
    if (leastMs !== undefined && leastMs <= measuredMs) return leastMs;
    this.#leastMs.set(address, measuredMs);
    return measuredMs;
  }
}
