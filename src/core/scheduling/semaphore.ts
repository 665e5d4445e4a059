import { FairLine } from "./fair-line.ts";

/**
 * Lets at most `max` pieces of work run at a time. Groups take turns; within a group it is first come, first served.
 */
export class Semaphore {
  readonly #waiting = new FairLine<() => void>();
  #free: number;

  constructor(max: number) {
    this.#free = max;
  }

  /** True when work would run at once. */
  get isFree(): boolean {
    return this.#free > 0;
  }

  async run<Result>(work: () => Promise<Result>, group = ""): Promise<Result> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(group, resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }
}
