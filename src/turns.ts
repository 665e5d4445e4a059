/**
 * Walks over many lines share the event loop by time, not by count: after 2 ms a walk waits until everybody else has
 * had a turn. All walks of a process share one budget for each turn of the loop. One waiting walk continues in each
 * turn, and more while there is time; apps and senders take turns, and within each it is first come, first served. So a thousand walks of one app delay others no longer than one does.
 */

import { FairLine } from "./core/scheduling/fair-line.ts";
import { FairTimeLine } from "./core/scheduling/fair-time-line.ts";
import type { Steps } from "./core/scheduling/steps.ts";

/** The time in each turn of the event loop for walks, and for the requests that begin in it. */
export const turnMsMax = 2;

/**
 * The same in a turn in which a connection came: the system hands out one per turn, and others may be waiting behind
 * it.
 */
const shortTurnMs = 0.5;

type TurnsParts = {
  /** A monotonic clock. */
  readonly nowMs: () => number;
  /** Runs a function after everything else that is due. */
  readonly defer: (run: () => void) => void;
};

/**
 * Shorter work of a line counts as this long: what one waits for (the disk, the processor) would decide otherwise.
 */
const leastMs = 1;
/** Longer work counts as this long: a pause of the whole process is nobody's, and its group would wait for all others. */
const mostMs = 8;

type TurnLineParts<Work> = {
  /** True when this turn has no more time for the line. */
  readonly isOver: () => boolean;
  readonly run: (work: Work) => void;
  /** A monotonic clock. */
  readonly nowMs: () => number;
};

export class Turns {
  readonly #parts: TurnsParts;
  readonly #waiting = new FairLine<() => void>();
  #isOn = false;
  #startMs = 0;
  #msMax = turnMsMax;

  constructor(parts: TurnsParts) {
    this.#parts = parts;
  }

  /** True when others should have a turn: `await next(…)` before the walk continues. */
  get isOver(): boolean {
    if (this.#isOn) return this.#parts.nowMs() - this.#startMs >= this.#msMax;
    this.#begin();
    return false;
  }

  /** Resolves when it is the caller's turn again. `group`: who the walk is for. */
  next(group: string): Promise<void> {
    if (!this.#isOn) this.#begin();
    return new Promise((resolve) => this.#waiting.push(group, resolve));
  }

  /** Makes this turn a short one. */
  shorten(): void {
    if (!this.#isOn) this.#begin();
    this.#msMax = shortTurnMs;
  }

  #begin(): void {
    this.#isOn = true;
    this.#msMax = turnMsMax;
    this.#startMs = this.#parts.nowMs();
    this.#parts.defer(() => this.#end());
  }

  #end(): void {
    this.#isOn = false;
    if (this.#waiting.length === 0) return;
    this.#begin();
    this.#goOn(this.#waiting.length); // as many as wait now: who waits again does so for a later turn
  }

  #goOn(most: number): void {
    this.#waiting.shift()?.();
    if (most > 1) afterwards(() => !this.isOver && this.#goOn(most - 1));
  }
}

/** Calls `run` behind what this turn's work does in promises, and in ticks that it has asked for, so that it counts. */
function afterwards(run: () => void): void {
  queueMicrotask(() => process.nextTick(run));
}

/**
 * Short work that waits for a later turn. Each turn does as much of it as there is time for, and the group whose work
 * has taken the least goes first.
 */
export class TurnLine<Work = () => void> {
  readonly #parts: TurnLineParts<Work>;
  readonly #waiting = new FairTimeLine<Work>();
  #isOn = false;

  constructor(parts: TurnLineParts<Work>) {
    this.#parts = parts;
  }

  /** The number of pieces of work that wait. */
  get length(): number {
    return this.#waiting.length;
  }

  /** Does `work` when its turn has come. */
  add(group: string, work: Work): void {
    this.#waiting.push(group, work);
    if (this.#isOn) return;
    this.#isOn = true;
    this.#nextTurn();
  }

  /** Removes the work that has waited for longest of the group that has the most. */
  removeOfLargest(): Work | undefined {
    return this.#waiting.shiftOfLargest();
  }

  #nextTurn(): void {
    setImmediate(() => this.#goOn(this.#waiting.length)); // as many as wait now: what comes of them is for later turns
  }

  #goOn(most: number): void {
    this.#isOn = this.#waiting.length > 0;
    if (!this.#isOn) return;
    const { isOver, run, nowMs } = this.#parts;
    if (most === 0 || isOver()) {
      this.#nextTurn();
      return;
    }
    const { group, waiting } = this.#waiting.shift()!;
    const beginMs = nowMs();
    run(waiting);
    afterwards(() => {
      this.#waiting.took(group, Math.min(mostMs, Math.max(leastMs, nowMs() - beginMs)));
      this.#goOn(most - 1);
    });
  }
}

/** Turns of this process's event loop. */
export const turnsNow = (): Turns => new Turns({ nowMs: () => performance.now(), defer: setImmediate });

/**
 * True when a turn has no more time for a line. If others have used it up, the line still has half a millisecond;
 * otherwise it would stand still for as long as they continue.
 */
export function orALittle(turns: Turns, own = turnsNow()): () => boolean {
  return () => {
    if (!turns.isOver) return false;
    own.shorten();
    return own.isOver;
  };
}

/** Does the work in turns. `group`: who it is for. */
export async function inTurns<Value>(steps: Steps<Value>, group: string): Promise<Value> {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    if (turns.isOver) await turns.next(group);
  }
}

/** Does the work at once, or in turns if this turn is over before it is done; the result is then a promise. */
export function inFewTurns<Value>(steps: Steps<Value>, group: string): Value | Promise<Value> {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    if (turns.isOver) return turns.next(group).then(() => inTurns(steps, group));
  }
}

/** The turns of this process's event loop. */
export const turns = turnsNow();
