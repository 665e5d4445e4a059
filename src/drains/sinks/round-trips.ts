/**
 * Round trips to where drains lead. The time of a TCP handshake, as this process sees it, is too long by what else was done
 * meanwhile, which is most of it when all drains begin at once: so the least of an hour counts.
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
