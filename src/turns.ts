/**
 * Walks over many lines share the event loop by time, not by count: after 5 ms a walk waits until everybody else had a
 * turn. All walks of a process share one turn of the loop, and those that wait go on in their order: one in each turn,
 * and more as long as turns are short. So a thousand of them delay others no longer than one does.
 */
import type { Steps } from "./core/steps.ts";

/** A turn of the event loop is given to walks for so long. */
export const turnMsMax = 5;

/**
 * Walks that go on in one turn, when none of them has much to do: what each does before it looks at the time adds up.
 */
const groupMax = 16;

type TurnsParts = {
  /** Milliseconds that never go back. */
  readonly nowMs: () => number;
  /** Runs a function when all else that is due had its turn. */
  readonly defer: (run: () => void) => void;
};

export class Turns {
  readonly #parts: TurnsParts;
  readonly #waiting: (() => void)[] = [];
  #isOn = false;
  #startMs = 0;
  /** How many go on in the next turn. */
  #group = 1;

  constructor(parts: TurnsParts) {
    this.#parts = parts;
  }

  /** True when it is the others' turn: then `await next()` before the walk goes on. */
  get isOver(): boolean {
    if (this.#isOn) return this.#parts.nowMs() - this.#startMs >= turnMsMax;
    this.#begin();
    return false;
  }

  /** Resolves when it is the caller's turn again. */
  next(): Promise<void> {
    if (!this.#isOn) this.#begin();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #begin(): void {
    this.#isOn = true;
    this.#startMs = this.#parts.nowMs();
    this.#parts.defer(() => this.#end());
  }

  #end(): void {
    this.#isOn = false;
    if (this.#waiting.length === 0) return;
    const isShort = this.#parts.nowMs() - this.#startMs < turnMsMax / 2;
    this.#group = isShort ? Math.min(2 * this.#group, groupMax) : 1;
    this.#begin();
    for (const next of this.#waiting.splice(0, this.#group)) next();
  }
}

/** Does the work in turns. */
export async function inTurns<Value>(steps: Steps<Value>): Promise<Value> {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    if (turns.isOver) await turns.next();
  }
}

/** Those of this process's event loop. */
export const turns = new Turns({ nowMs: () => performance.now(), defer: setImmediate });
