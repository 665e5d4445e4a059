/**
 * Many answers of NATS arrive in one read of the socket, and all the work that they start would run before anything
 * else gets a turn. So only one is passed on at once, and then those for which a turn of the event loop has time.
 */
import type { Clock } from "../../../ports.ts";
import { Turns } from "../../../turns.ts";

export class Handover {
  readonly #turns: Turns;
  #hasHanded = false;

  constructor(clock: Pick<Clock, "monotonicMs">) {
    this.#turns = new Turns({ nowMs: () => clock.monotonicMs(), defer: setImmediate });
  }

  /** Undefined when the caller may continue at once; otherwise resolves when it may. Groups take turns. */
  turn(group: string): Promise<void> | undefined {
    if (this.#hasHanded) return this.#turns.next(group);
    this.#hasHanded = true;
    setImmediate(() => (this.#hasHanded = false));
    return undefined;
  }
}
