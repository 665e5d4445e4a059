/**
 * Bounds the number of searches at a time, for each app and in all, because each holds a piece of a log in memory.
 */
import type { ChannelId } from "../core/ids.ts";

export type SearchesLimits = { readonly searchesMax: number; readonly searchesPerAppMax: number };

type Waiting = { readonly channel: ChannelId; readonly enter: () => void };

/** Waiting searches begin in order, except those of an app that already has as many as it may. */
export class Searches {
  readonly #limits: SearchesLimits;
  readonly #running = new Map<ChannelId, number>();
  #count = 0;
  #waiting: Waiting[] = [];

  constructor(limits: SearchesLimits) {
    this.#limits = limits;
  }

  /** Resolves when a search may begin, to the function that ends it; to undefined if `signal` was aborted first. */
  async enter(channel: ChannelId, signal: AbortSignal): Promise<(() => void) | undefined> {
    if (signal.aborted) return undefined;
    if (this.#hasRoom(channel)) this.#take(channel);
    else if (!(await this.#wait(channel, signal))) return undefined;
    return () => this.#leave(channel);
  }

  #take(channel: ChannelId): void {
    this.#count++;
    this.#running.set(channel, (this.#running.get(channel) ?? 0) + 1);
  }

  #hasRoom(channel: ChannelId): boolean {
    const { searchesMax, searchesPerAppMax } = this.#limits;
    return this.#count < searchesMax && (this.#running.get(channel) ?? 0) < searchesPerAppMax;
  }

  #wait(channel: ChannelId, signal: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      const settle = (mayEnter: boolean) => {
        this.#waiting = this.#waiting.filter((other) => other !== waiting);
        signal.removeEventListener("abort", abort);
        resolve(mayEnter);
      };
      const abort = () => settle(false);
      const waiting = { channel, enter: () => settle(true) };
      this.#waiting.push(waiting);
      signal.addEventListener("abort", abort, { once: true });
    });
  }

  #leave(channel: ChannelId): void {
    this.#count--;
    const others = this.#running.get(channel)! - 1;
    if (others === 0) this.#running.delete(channel);
    else this.#running.set(channel, others);
    const next = this.#waiting.find((waiting) => this.#hasRoom(waiting.channel));
    if (next === undefined) return;
    this.#take(next.channel);
    next.enter();
  }
}
