/**
 * Round-trip times to destinations. A TCP handshake as this process sees it seems longer by whatever else it did
 * meanwhile, which is most of the time when all drains start at once. So the minimum of the last hour counts.
 */
import ipaddr from "ipaddr.js";
import { LRUCache } from "lru-cache";

/** A route may change. */
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

  /** The round trip to `address`, of which a handshake took `measuredMs`. Less than a timer can tell on this machine. */
  seen(address: string, measuredMs: number): number {
    if (ipaddr.process(address).range() === "loopback") return 0;
    const leastMs = this.#leastMs.get(address);
    if (leastMs !== undefined && leastMs <= measuredMs) return leastMs;
    this.#leastMs.set(address, measuredMs);
    return measuredMs;
  }
}
