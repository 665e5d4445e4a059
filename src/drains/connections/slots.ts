/**
 * Bounds the connections that drains hold, and shares them fairly: first come, first served. A drain keeps its slot
 * while its connection is open; at the bound, the connection that has been idle longest is closed for the next in line.
 * Drains whose last attempt failed get few slots, one after the other, so that dead ones neither keep healthy ones
 * waiting nor all come at once.
 */
import { drainSockets } from "../../metrics.ts";
import type { Clock } from "../../ports.ts";

/** The right to hold one connection. */
export type Slot = {
  /** The connection is in use. */
  busy(): void;
  /** It is open and unused: it may be asked for. */
  idle(): void;
  /** It is closed. Idempotent. */
  release(): void;
};

type ConnectionSlotsOptions = {
  readonly socketsMax: number;
  /** How long an unused connection stays open. */
  readonly idleMsMax: number;
  /** The most connections of drains whose last attempt failed, and the time between opening one and the next. */
  readonly failingMax: number;
  readonly failingEveryMs: number;
  readonly clock: Clock;
};

/** A drain that wants a slot. */
export type SlotHolder = {
  /** Called when it gets the slot. */
  granted(slot: Slot): void;
  /**
   * The slot is idle and somebody else wants it, or it has been idle for too long: close the connection and release it.
   */
  giveBack(): void;
};

/** Drains whose last attempt failed wait in a queue of their own. */
export type Queue = "well" | "failing";

/** A place in a queue. */
export type Waiter = {
  /** Leaves the queue. No effect once the slot was granted. */
  leave(): void;
};

type Waiting = { readonly number: number; readonly holder: SlotHolder };
type Held = {
  idleSinceMs: number;
  /** True when it was asked for, and has been neither used nor released since. */
  isAsked: boolean;
  readonly giveBack: () => void;
};

/** Hands out slots. */
export class ConnectionSlots {
  readonly #options: ConnectionSlotsOptions;
  /** In order of arrival; failing drains have their own queue, since they may have to wait for one another. */
  readonly #queues: Readonly<Record<Queue, Set<Waiting>>> = { well: new Set(), failing: new Set() };
  /** In the order in which they became idle. */
  readonly #idle = new Set<Held>();
  readonly #closing = new AbortController();
  #waiters = 0;
  #held = 0;
  #heldFailing = 0;
  /** Slots that were asked for and are not released yet: one at a time is enough. */
  #asked = 0;
  /** True when a failing drain got a slot less than `failingEveryMs` ago. */
  #isPacing = false;
  #isSweeping = false;

  constructor(options: ConnectionSlotsOptions) {
    this.#options = options;
  }

  /** Waits in `queue` until `holder` is granted a slot, perhaps at once. */
  wait(queue: Queue, holder: SlotHolder): Waiter {
    const waiting = { number: this.#waiters++, holder };
    this.#queues[queue].add(waiting);
    this.#serve();
    return { leave: () => void this.#queues[queue].delete(waiting) };
  }

  /** Stops watching idle slots; the slots themselves end with their holders. */
  close(): void {
    this.#closing.abort();
  }

  #serve(): void {
    for (let queue = this.#nextQueue(); queue !== undefined; queue = this.#nextQueue()) {
      if (this.#held < this.#options.socketsMax) {
        this.#grant(queue);
        continue;
      }
      const [longestIdle] = this.#idle;
      if (longestIdle === undefined || this.#asked > 0) return;
      this.#ask(longestIdle); // its release serves the queue again
    }
  }

  // First come, first served, except that a failing drain also waits for room for another of them, and for its time.
  #nextQueue(): Queue | undefined {
    const [well] = this.#queues.well;
    const mayFail = this.#heldFailing < this.#options.failingMax && !this.#isPacing;
    const [failing] = mayFail ? this.#queues.failing : [];
    if (well === undefined) return failing && "failing";
    return failing === undefined || well.number < failing.number ? "well" : "failing";
  }

  #grant(queue: Queue): void {
    const [waiting] = this.#queues[queue];
    this.#queues[queue].delete(waiting!);
    this.#held++;
    if (queue === "failing") {
      this.#heldFailing++;
      void this.#pace();
    }
    drainSockets.inc();
    waiting!.holder.granted(this.#slot(queue, waiting!.holder));
  }

  #slot(queue: Queue, holder: SlotHolder): Slot {
    const held: Held = { idleSinceMs: 0, isAsked: false, giveBack: () => holder.giveBack() };
    let isFailing = queue === "failing";
    let isReleased = false;
    return {
      busy: () => this.#unidle(held),
      idle: () => {
        if (isReleased) return;
        if (isFailing) this.#heldFailing--; // it delivered, so it is well again
        isFailing = false;
        held.idleSinceMs = this.#options.clock.monotonicMs();
        this.#unidle(held);
        this.#idle.add(held);
        this.#serve();
        if (!this.#isSweeping) void this.#sweep();
      },
      release: () => {
        if (isReleased) return;
        isReleased = true;
        this.#unidle(held);
        this.#held--;
        if (isFailing) this.#heldFailing--;
        drainSockets.dec();
        this.#serve();
      },
    };
  }

  async #pace(): Promise<void> {
    this.#isPacing = true;
    await this.#options.clock.sleep(this.#options.failingEveryMs, this.#closing.signal);
    this.#isPacing = false;
    this.#serve();
  }

  async #sweep(): Promise<void> {
    const { clock, idleMsMax } = this.#options;
    this.#isSweeping = true;
    while (this.#idle.size > 0 && !this.#closing.signal.aborted) {
      const [longestIdle] = this.#idle;
      const waitMs = longestIdle!.idleSinceMs + idleMsMax - clock.monotonicMs();
      if (waitMs > 0) {
        await clock.sleep(waitMs, this.#closing.signal);
        continue;
      }
      this.#ask(longestIdle!);
    }
    this.#isSweeping = false;
  }

  #ask(held: Held): void {
    this.#idle.delete(held);
    held.isAsked = true;
    this.#asked++;
    held.giveBack();
  }

  #unidle(held: Held): void {
    this.#idle.delete(held);
    if (held.isAsked) this.#asked--;
    held.isAsked = false;
  }
}
