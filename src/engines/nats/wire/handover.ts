/**
 * Answers of NATS come many in one read of the socket, and what each of them sets going is done before anybody else has a
 * turn. So only a few are handed on at once: the rest some in each turn of the event loop, fewer when turns are long.
 */
import type { Clock } from "../../../ports.ts";
import { Turns } from "../../../turns.ts";

/** So many in a turn before others have theirs. */
const atOnceMax = 4;

export class Handover {
  readonly #turns: Turns;
  #handed = 0;

  constructor(clock: Pick<Clock, "monotonicMs">) {
    this.#turns = new Turns({ nowMs: () => clock.monotonicMs(), defer: setImmediate });
  }

  /** Undefined when it may go on at once, else resolves when it may; `group`: those of different groups take turns. */
  turn(group: string): Promise<void> | undefined {
    if (this.#handed === 0) setImmediate(() => (this.#handed = 0));
    if (this.#handed >= atOnceMax) return this.#turns.next(group);
    this.#handed++;
    return undefined;
  }
}
