/**
 * Walks over many lines share the event loop by time, not by count: after 2 ms a walk waits until everybody else has
 * had a turn. All walks of a process share one budget for each turn of the loop. One waiting walk continues in each
 * turn, and more while there is time; apps and senders take turns, and within each it is first come, first served. So a
 * thousand walks of one app delay others no longer than one does.
 */

import { FairLine } from "./core/scheduling/fair-line.ts";
import type { WaitingSteps } from "./core/scheduling/steps.ts";

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
export function afterwards(run: () => void): void {
  queueMicrotask(() => process.nextTick(run));
}

/** Does the work in turns. `group`: who it is for. */
export async function inTurns<Value>(steps: WaitingSteps<Value>, group: string): Promise<Value> {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    if (step.value !== undefined) await step.value;
    if (turns.isOver) await turns.next(group);
  }
}

/** Does the work at once, or in turns if this turn is over before it is done; the result is then a promise. */
export function inFewTurns<Value>(steps: WaitingSteps<Value>, group: string): Value | Promise<Value> {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    if (step.value !== undefined) return step.value.then(() => inTurns(steps, group));
    if (turns.isOver) return turns.next(group).then(() => inTurns(steps, group));
  }
}

/**
 * Joins those who wait for what somebody else has asked for. When it is there they continue in turns, whether it is a
 * value or a failure: otherwise all that they do with it would be done in one turn. `group`: who they are.
 */
export async function joined<Value>(asked: Promise<Value>, group: string): Promise<Value> {
  try {
    return await asked;
  } finally {
    await turns.next(group);
  }
}

/** Several are woken together: undefined for the first, who continues at once, and a promise of its turn for each other one. */
export function oneByOne(group: string): () => Promise<void> | undefined {
  let isFirst = true;
  return () => {
    if (!isFirst) return turns.next(group);
    isFirst = false;
    return undefined;
  };
}

/** Turns of this process's event loop, with a budget of their own. */
export const ownTurns = (): Turns => new Turns({ nowMs: () => performance.now(), defer: setImmediate });

/** The turns that all walks of this process share. */
export const turns = ownTurns();
