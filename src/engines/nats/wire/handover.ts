/**
 * Many answers of NATS arrive in one read of the socket, and all the work that they start would run before anything
 * else gets a turn. So only a few are passed on at once, and then some in each turn of the event loop, fewer when
 * turns are long.
 */
import type { Clock } from "../../../ports.ts";
import { Turns } from "../../../turns.ts";

/** The number to pass on in a turn before others get theirs. */
const atOnceMax = 4;

export class Handover {
  readonly #turns: Turns;
  #handed = 0;

  constructor(clock: Pick<Clock, "monotonicMs">) {
    this.#turns = new Turns({ nowMs: () => clock.monotonicMs(), defer: setImmediate });
  }

  /** Undefined when the caller may continue at once; otherwise resolves when it may. Groups take turns. */
  turn(group: string): Promise<void> | undefined {
    if (this.#handed === 0) setImmediate(() => (this.#handed = 0));
    if (this.#handed >= atOnceMax) return this.#turns.next(group);
    this.#handed++;
    return undefined;
  }
}
