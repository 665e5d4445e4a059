/**
 * Limits how many GET answers are made at the same time, per address and in all. A list of many records would otherwise
 * take over the store, memory and the event loop if it is requested often. Addresses take turns.
 */
import type { FastifyInstance, FastifyRequest } from "fastify";
import { apiBusy } from "../errors/api.ts";
import type { Clock } from "../ports.ts";

export type ReadingPlacesLimits = {
  readonly inAllMax: number;
  readonly perAddressMax: number;
  /** A request that has no place by then is refused. */
  readonly waitMsMax: number;
};

/** One address: how many of its requests have a place, and which wait. */
type Address = { taken: number; readonly waiting: Set<() => void> };

export class ReadingPlaces {
  readonly #limits: ReadingPlacesLimits;
  readonly #clock: Pick<Clock, "sleep">;
  /** Addresses with any requests; the one whose turn it is comes first. */
  readonly #addresses = new Map<string, Address>();
  #taken = 0;

  constructor(limits: ReadingPlacesLimits, clock: Pick<Clock, "sleep">) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** Resolves with a place; rejects with `apiBusy`. Undefined if a place was free. */
  take(name: string): Promise<void> | undefined {
    const address = this.#addresses.get(name) ?? { taken: 0, waiting: new Set() };
    this.#addresses.set(name, address);
    if (this.#fits(address)) {
      this.#enter(address);
      return undefined;
    }
    return new Promise((resolve, reject) => {
      const over = new AbortController();
      const go = () => {
        over.abort("entered");
        resolve();
      };
      address.waiting.add(go);
      void this.#clock.sleep(this.#limits.waitMsMax, over.signal).then(() => {
        if (!address.waiting.delete(go)) return;
        this.#forget(name, address);
        reject(apiBusy());
      });
    });
  }

  leave(name: string): void {
    const address = this.#addresses.get(name)!;
    address.taken--;
    this.#taken--;
    this.#forget(name, address);
    for (const [next, waits] of this.#addresses) {
      const [go] = waits.waiting;
      if (go === undefined || !this.#fits(waits)) continue;
      waits.waiting.delete(go);
      this.#enter(waits);
      this.#addresses.delete(next);
      this.#addresses.set(next, waits); // to the end of the line
      go();
      return;
    }
  }

  #fits({ taken }: Address): boolean {
    return taken < this.#limits.perAddressMax && this.#taken < this.#limits.inAllMax;
  }

  #enter(address: Address): void {
    address.taken++;
    this.#taken++;
  }

  #forget(name: string, { taken, waiting }: Address): void {
    if (taken === 0 && waiting.size === 0) this.#addresses.delete(name);
  }
}

declare module "fastify" {
  interface FastifyContextConfig {
    /** True if the route waits for an event, or is a stream with bounds of its own: it takes no place. */
    readonly waits?: boolean;
  }
}

/** A place is given back when the answer is made: unread answers have a bound of their own. */
export function boundReadings(
  server: FastifyInstance,
  places: ReadingPlaces,
  addressOf: (request: FastifyRequest) => string,
): void {
  const holders = new WeakMap<FastifyRequest, string>();
  server.addHook("preHandler", async (request) => {
    if (request.method !== "GET" || request.routeOptions.config.waits === true) return;
    const address = addressOf(request);
    await places.take(address);
    holders.set(request, address);
  });
  server.addHook("onSend", async (request, _reply, payload) => {
    const address = holders.get(request);
    if (address !== undefined && holders.delete(request)) places.leave(address);
    return payload;
  });
}
