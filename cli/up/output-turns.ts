/**
 * The time of the event loop that is spent on the output of dynos. One that prints empty lines makes 65,536 of a single
 * read, for which requests would wait: so outputs take turns, piece by piece, and the router comes between.
 */
import { outputLimits } from "./limits.ts";

/** Does a piece of work; true if there is more. */
type Work = () => boolean;

export class OutputTurns {
  readonly #line: Work[] = [];
  /** The time of this turn that is used up; 0 if nothing has been done in it. */
  #usedMs = 0;
  readonly #nowMs: () => number;

  /** A monotonic clock. */
  constructor(nowMs = () => performance.now()) {
    this.#nowMs = nowMs;
  }

  /** Does the work: now, as far as nobody waits and there is time, and the rest in later turns. */
  add(work: Work): void {
    this.#line.push(work);
    if (this.#line.length === 1) this.#go();
  }

  #go(): void {
    if (this.#usedMs === 0) setImmediate(() => this.#nextTurn());
    while (this.#line.length > 0 && this.#usedMs < outputLimits.turnMsMax) {
      const beganMs = this.#nowMs();
      const work = this.#line[0]!;
      const hasMore = work();
      this.#line.shift();
      if (hasMore) this.#line.push(work);
      this.#usedMs += Math.max(this.#nowMs() - beganMs, Number.EPSILON);
    }
  }

  #nextTurn(): void {
    this.#usedMs = 0;
    if (this.#line.length > 0) this.#go();
  }
}
