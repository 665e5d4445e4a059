/**
 * The bound on connections that drains hold, and fair turns at them: first come, first served. A drain keeps its
 * turn while its connection is open; at the bound the connection that was idle longest is closed for the next in
 * line. Drains whose last attempt failed get few turns, and one after the other, so that dead ones cannot keep well
 * ones waiting, nor all come at once.
 */

import { drainSockets } from "../metrics.ts";
import type { Clock } from "../ports.ts";

/** The right to hold one connection. */
export type Turn = {
  /** The connection is in use. */
  busy(): void;
  /** It is open and unused: it may be asked for. */
  idle(): void;
  /** It is closed. Idempotent. */
  release(): void;
};

export type SocketsOptions = {
  readonly socketsMax: number;
  /** An unused connection is closed after so long. */
  readonly idleMsMax: number;
  /** Connections of drains whose last attempt failed, at most; one more of them is opened every so often. */
  readonly failingMax: number;
  readonly failingEveryMs: number;
  readonly clock: Clock;
};

type Wish = { readonly number: number; readonly grant: () => void };
type Held = { idleSinceMs: number; readonly giveBack: () => void };

/** Hands out turns. */
export class Sockets {
  readonly #clock: Clock;
  readonly #idleMsMax: number;
  readonly #failingMax: number;
  readonly #failingEveryMs: number;
  readonly #socketsMax: number;
  /** In the order in which they came; those of failing drains apart, since these may have to wait for one another. */
  readonly #waiting = { well: new Set<Wish>(), failing: new Set<Wish>() };
  /** In the order in which they fell idle. */
  readonly #idle = new Set<Held>();
  readonly #closing = new AbortController();
  #wishes = 0;
  #held = 0;
  #heldFailing = 0;
  /** A failing drain got a turn less than `failingEveryMs` ago. */
  #isPacing = false;
  #sweeping = false;

  constructor(options: SocketsOptions) {
    this.#clock = options.clock;
    this.#idleMsMax = options.idleMsMax;
    this.#socketsMax = options.socketsMax;
    this.#failingMax = options.failingMax;
    this.#failingEveryMs = options.failingEveryMs;
  }

  /**
   * Waits for a turn; undefined when `signal` is aborted first. `giveBack` is called when the turn is idle and wanted
   * by somebody else, or was idle for too long: close the connection and release it.
   */
  async take(failing: boolean, giveBack: () => void, signal: AbortSignal): Promise<Turn | undefined> {
    if (signal.aborted) return undefined;
    const queue = failing ? this.#waiting.failing : this.#waiting.well;
    const granted = await new Promise<boolean>((resolve) => {
      const wish: Wish = {
        number: this.#wishes++,
        grant: () => {
          signal.removeEventListener("abort", leave);
          queue.delete(wish);
          this.#held++;
          if (failing) {
            this.#heldFailing++;
            void this.#pace();
          }
          drainSockets.inc();
          resolve(true);
        },
      };
      const leave = () => {
        queue.delete(wish);
        resolve(false);
      };
      signal.addEventListener("abort", leave, { once: true });
      queue.add(wish);
      this.#serve();
    });
    return granted ? this.#turn(failing, giveBack) : undefined;
  }

  /** Stops watching idle turns; turns themselves end with their holders. */
  close(): void {
    this.#closing.abort();
  }

  #turn(failing: boolean, giveBack: () => void): Turn {
    const held: Held = { idleSinceMs: 0, giveBack };
    let isFailing = failing;
    let released = false;
    return {
      busy: () => {
        this.#idle.delete(held);
      },
      idle: () => {
        if (released) return;
        if (isFailing) this.#heldFailing--; // what delivered is well again
        isFailing = false;
        held.idleSinceMs = this.#clock.nowMs();
        this.#idle.add(held);
        this.#serve();
        if (!this.#sweeping) void this.#sweep();
      },
      release: () => {
        if (released) return;
        released = true;
        this.#idle.delete(held);
        this.#held--;
        if (isFailing) this.#heldFailing--;
        drainSockets.dec();
        this.#serve();
      },
    };
  }

  #serve(): void {
    for (let wish = this.#next(); wish !== undefined; wish = this.#next()) {
      if (this.#held < this.#socketsMax) {
        wish.grant();
        continue;
      }
      const [longestIdle] = this.#idle;
      if (longestIdle === undefined) return;
      this.#idle.delete(longestIdle);
      longestIdle.giveBack(); // releases, which serves
    }
  }

  // Who came first, except that a failing drain waits until there is room for one more of them, and its time.
  #next(): Wish | undefined {
    const [well] = this.#waiting.well;
    const mayFail = this.#heldFailing < this.#failingMax && !this.#isPacing;
    const [failing] = mayFail ? this.#waiting.failing : [];
    if (well === undefined || failing === undefined) return well ?? failing;
    return well.number < failing.number ? well : failing;
  }

  async #pace(): Promise<void> {
    this.#isPacing = true;
    await this.#clock.sleep(this.#failingEveryMs, this.#closing.signal);
    this.#isPacing = false;
    this.#serve();
  }

  async #sweep(): Promise<void> {
    this.#sweeping = true;
    while (this.#idle.size > 0 && !this.#closing.signal.aborted) {
      const [longestIdle] = this.#idle;
      const waitMs = longestIdle!.idleSinceMs + this.#idleMsMax - this.#clock.nowMs();
      if (waitMs > 0) {
        await this.#clock.sleep(waitMs, this.#closing.signal);
        continue;
      }
      this.#idle.delete(longestIdle!);
      longestIdle!.giveBack();
    }
    this.#sweeping = false;
  }
}
