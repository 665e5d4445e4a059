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

/** Who wants a turn. */
export type Holder = {
  /** It has the turn from now on. */
  granted(turn: Turn): void;
  /** The turn is idle and wanted by somebody else, or was idle for too long: close the connection and release it. */
  giveBack(): void;
};

/** Drains whose last attempt failed wait apart. */
export type Queue = "well" | "failing";

type Held = { idleSinceMs: number; readonly giveBack: () => void };

/** Hands out turns. */
export class Sockets {
  readonly #clock: Clock;
  readonly #idleMsMax: number;
  readonly #failingMax: number;
  readonly #failingEveryMs: number;
  readonly #socketsMax: number;
  /** In the order in which they came; those of failing drains apart, since these may have to wait for one another. */
  readonly #waiting: Record<Queue, Set<Wish>> = { well: new Set(), failing: new Set() };
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

  /** Waits for a turn; true when `holder` was granted one, false when `signal` is aborted first. */
  take(queue: Queue, holder: Holder, signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) return Promise.resolve(false);
    return new Promise((resolve) => {
      const waiting = this.#waiting[queue];
      waiting.add(new Wish(this.#wishes++, holder, waiting, signal, resolve));
      this.#serve();
    });
  }

  /** Stops watching idle turns; turns themselves end with their holders. */
  close(): void {
    this.#closing.abort();
  }

  #grant(wish: Wish): void {
    const isFailing = this.#waiting.failing.has(wish);
    this.#held++;
    if (isFailing) {
      this.#heldFailing++;
      void this.#pace();
    }
    drainSockets.inc();
    wish.holder.granted(this.#turn(isFailing, wish.holder));
    wish.end(true);
  }

  #turn(failing: boolean, holder: Holder): Turn {
    const held: Held = { idleSinceMs: 0, giveBack: () => holder.giveBack() };
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
        held.idleSinceMs = this.#clock.monotonicMs();
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
        this.#grant(wish);
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
      const waitMs = longestIdle!.idleSinceMs + this.#idleMsMax - this.#clock.monotonicMs();
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

/** One holder in a queue; it leaves the queue when its signal is aborted. */
class Wish {
  readonly number: number;
  readonly holder: Holder;
  readonly #queue: Set<Wish>;
  readonly #signal: AbortSignal;
  readonly #resolve: (isGranted: boolean) => void;

  constructor(
    number: number,
    holder: Holder,
    queue: Set<Wish>,
    signal: AbortSignal,
    resolve: (isGranted: boolean) => void,
  ) {
    this.number = number;
    this.holder = holder;
    this.#queue = queue;
    this.#signal = signal;
    this.#resolve = resolve;
    signal.addEventListener("abort", this, { once: true });
  }

  /** The signal was aborted. */
  handleEvent(): void {
    this.end(false);
  }

  end(isGranted: boolean): void {
    this.#signal.removeEventListener("abort", this);
    this.#queue.delete(this);
    this.#resolve(isGranted);
  }
}
