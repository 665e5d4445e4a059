/**
 * Walks over many lines share the event loop by time, not by count: after 2 ms a walk waits until everybody else has
 * had a turn. All walks of a process share one budget for each turn of the loop. One waiting walk continues in each
 * turn, and more as long as turns are short; apps and senders take turns, and within each it is first come, first
 * served. So a thousand walks of one app delay others no longer than one does.
 */

import { FairLine } from "./core/scheduling/fair-line.ts";
import type { Steps } from "./core/scheduling/steps.ts";

/** The time in each turn of the event loop for walks, and for the requests that begin in it. */
export const turnMsMax = 2;

/**
 * The same in a turn in which a connection came: the system hands out one per turn, and others may be waiting behind
 * it.
 */
const shortTurnMs = 0.5;

/**
 * The most walks to continue in one turn when none of them has much to do: the little that each does before it looks
 * at the time adds up.
 */
const groupMax = 16;

type TurnsParts = {
  /** A monotonic clock. */
  readonly nowMs: () => number;
  /** Runs a function after everything else that is due. */
  readonly defer: (run: () => void) => void;
};

export class Turns {
  readonly #parts: TurnsParts;
  readonly #waiting = new FairLine<() => void>();
  #isOn = false;
  #startMs = 0;
  #msMax = turnMsMax;
  /** The number of walks that may continue in the next turn. */
  #group = 1;

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
    const isShort = this.#parts.nowMs() - this.#startMs < turnMsMax / 2;
    this.#group = isShort ? Math.min(2 * this.#group, groupMax) : 1;
    this.#begin();
    for (let gone = Math.min(this.#group, this.#waiting.length); gone > 0; gone--) this.#waiting.shift()!();
  }
}

/**
 * Short work that waits for a later turn. Each turn does as much of it as there is time for, and groups take turns.
 * If others have used up the turn, the line still has half a millisecond; otherwise it would stand still for as long
 * as they continue.
 */
export class TurnLine {
  readonly #turns: Turns;
  readonly #own: Turns;
  readonly #waiting = new FairLine<() => void>();

  constructor(turns: Turns, own = new Turns({ nowMs: () => performance.now(), defer: setImmediate })) {
    this.#turns = turns;
    this.#own = own;
  }

  /** Calls `run` when its turn has come. */
  add(group: string, run: () => void): void {
    this.#waiting.push(group, run);
    setImmediate(() => this.#goOn());
  }

  // One at a time, so that everything that a piece of work triggers is done, and counted, before the next one.
  #goOn(): void {
    if (this.#turns.isOver) this.#own.shorten();
    if (this.#own.isOver) setImmediate(() => this.#goOn());
    else this.#waiting.shift()?.();
  }
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
export const turns = new Turns({ nowMs: () => performance.now(), defer: setImmediate });
