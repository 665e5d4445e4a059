/**
 * Decides when drains look at what was read for them: all together, and at most once per interval. A single line is
 * seen in the same turn of the event loop; lines in quick succession go out as one parcel per drain. So the more lines
 * there are, the less often the cost of a parcel is paid.
 */

type PulseParts = {
  /** The time from one look to the next; a timer may make it longer. */
  readonly everyMs: number;
  /** A clock that never goes back. */
  readonly nowMs: () => number;
  /** Runs a function after everything that came in this turn of the event loop has been read. */
  readonly defer: (run: () => void) => void;
  readonly after: (ms: number, run: () => void) => void;
};

export class Pulse {
  readonly #parts: PulseParts;
  #lookers: (() => void)[] = [];
  #lastMs = Number.NEGATIVE_INFINITY;

  constructor(parts: PulseParts) {
    this.#parts = parts;
  }

  /** Calls `look` once, at the next beat. `look` must not throw. */
  wait(look: () => void): void {
    this.#lookers.push(look);
    if (this.#lookers.length > 1) return;
    const { everyMs, nowMs, defer, after } = this.#parts;
    const leftMs = this.#lastMs + everyMs - nowMs();
    if (leftMs <= 0) defer(this.#beat);
    else after(leftMs, this.#beat);
  }

  readonly #beat = (): void => {
    this.#lastMs = this.#parts.nowMs();
    const lookers = this.#lookers;
    this.#lookers = [];
    for (const look of lookers) look();
  };
}

/** A pulse on this process's event loop. */
export const pulseOf = (everyMs: number): Pulse =>
  new Pulse({
    everyMs,
    nowMs: () => performance.now(),
    defer: setImmediate,
    after: (ms, run) => void setTimeout(run, Math.ceil(ms)),
  });
