/**
 * One timer for everything that waits until a connection has been quiet for some time. All are checked together, at
 * most once per interval, and after a poll: by then, whatever the kernel held when the time was up has been read.
 */

export interface Waits {
  /** Everything that arrived by `polledMs` has been read. Returns when to look again; `never` if not at all. */
  look(polledMs: number): number;
}

export const never = Number.POSITIVE_INFINITY;

type WalkParts = {
  readonly everyMs: number;
  /** A clock that never goes back. */
  readonly nowMs: () => number;
  /** Runs a function after the next poll. */
  readonly defer: (run: () => void) => void;
  /** Calls `run` later; returns a function that cancels it. */
  readonly after: (ms: number, run: () => void) => () => void;
};

export class QuietWalk {
  readonly #parts: WalkParts;
  /** When each is to be looked at. */
  readonly #dueMs = new Map<Waits, number>();
  #lastMs = Number.NEGATIVE_INFINITY;
  /** When the next walk is, and the function that cancels it. */
  #nextMs = never;
  #callOff: () => void = () => {};
  #polledMs = 0;

  constructor(parts: WalkParts) {
    this.#parts = parts;
  }

  /** Looks at `one` at `dueMs` or slightly later; replaces any earlier time. */
  wait(one: Waits, dueMs: number): void {
    this.#dueMs.set(one, dueMs);
    this.#walkAt(dueMs);
  }

  #walkAt(dueMs: number): void {
    const { everyMs, nowMs, after } = this.#parts;
    const atMs = Math.max(dueMs, this.#lastMs + everyMs);
    if (atMs >= this.#nextMs) return;
    this.#callOff();
    this.#nextMs = atMs;
    this.#callOff = after(Math.max(0, atMs - nowMs()), this.#poll);
  }

  readonly #poll = (): void => {
    const { nowMs, defer } = this.#parts;
    this.#polledMs = nowMs();
    defer(this.#walk);
  };

  readonly #walk = (): void => {
    const polledMs = this.#polledMs;
    this.#lastMs = polledMs;
    this.#nextMs = never;
    this.#callOff = () => {};
    let nextMs = never;
    for (const one of this.#dueMs.keys()) {
      if (this.#dueMs.get(one)! <= polledMs) this.#dueMs.set(one, one.look(polledMs));
      const againMs = this.#dueMs.get(one)!;
      if (againMs === never) this.#dueMs.delete(one);
      else nextMs = Math.min(nextMs, againMs);
    }
    if (nextMs !== never) this.#walkAt(nextMs);
  };
}

/** A walk on this process's event loop. It does not keep the process alive: an open connection does. */
export const quietWalkOf = (everyMs: number): QuietWalk =>
  new QuietWalk({
    everyMs,
    nowMs: () => performance.now(),
    defer: setImmediate,
    after: (ms, run) => {
      const timer = setTimeout(run, Math.ceil(ms)).unref();
      return () => clearTimeout(timer);
    },
  });
