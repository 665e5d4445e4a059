/**
 * The clock by which lines grow old. Machine clocks jump: a virtual machine resumes, somebody sets the date, a time
 * server is wrong for a moment; and what retention has removed is gone for good. So this clock runs at the pace of real
 * time. It adopts small steps of the machine's clock at once, and larger ones after they have lasted an hour. Until
 * then, lines are no older than either clock says.
 */
import type { Clock } from "../ports.ts";

/** A step that is adopted at once; it is also the most by which lines are trimmed too early. */
export const stepMsMax = 10_000;
/** How long a larger step must last before it is adopted. */
export const believedMs = 3_600_000;

export class AgeClock {
  readonly #clock: Pick<Clock, "nowMs" | "monotonicMs">;
  /** This clock's time at the moment `#readAtMs` of the monotonic clock. */
  #timeMs: number;
  #readAtMs: number;
  /** Since when the machine's clock is off, by the monotonic clock, and in which direction. */
  #off: { readonly sinceMs: number; readonly isAhead: boolean } | undefined;

  /** `keptMs`: the time that was recorded last, if there was an earlier start. */
  constructor(clock: Pick<Clock, "nowMs" | "monotonicMs">, keptMs?: number) {
    this.#clock = clock;
    this.#timeMs = keptMs ?? clock.nowMs();
    this.#readAtMs = clock.monotonicMs();
  }

  /** This clock's time, to be recorded for the next start. */
  get timeMs(): number {
    this.#read();
    return this.#timeMs;
  }

  /** The earlier of the two clocks: lines are compared with it to see whether they are too old. */
  nowMs(): number {
    return Math.min(this.#read(), this.#timeMs);
  }

  /** The time of acceptance to store a line with, if the machine's clock gave it `acceptedAtMs`. */
  accepted(acceptedAtMs: number): number {
    const nowMs = this.#read();
    const lagMs = this.#timeMs - nowMs;
    return lagMs > stepMsMax ? acceptedAtMs + lagMs : acceptedAtMs;
  }

  /** Advances this clock; returns the machine's time. */
  #read(): number {
    const nowMs = this.#clock.nowMs();
    const readAtMs = this.#clock.monotonicMs();
    this.#timeMs += readAtMs - this.#readAtMs;
    this.#readAtMs = readAtMs;
    const offMs = nowMs - this.#timeMs;
    const isAhead = offMs > 0;
    if (Math.abs(offMs) <= stepMsMax) {
      this.#off = undefined;
      this.#timeMs = nowMs;
    } else if (this.#off?.isAhead !== isAhead) this.#off = { sinceMs: readAtMs, isAhead };
    else if (readAtMs - this.#off.sinceMs >= believedMs) {
      this.#off = undefined;
      this.#timeMs = nowMs;
    }
    return nowMs;
  }
}
