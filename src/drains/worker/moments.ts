/**
 * Shares timers: everything that waits for the same moment of a clock has one. A thousand drains that write their
 * checkpoints together have one timer, and hold nothing else while they wait.
 */
import type { Clock } from "../../ports.ts";

/** One that waits. */
export interface Sleeper {
  /** `atMs` has come, or nearly: a timer may be a little early. Whoever wants it no more passes it over. */
  woken(atMs: number): void;
}

type MomentsClock = Pick<Clock, "monotonicMs" | "sleep">;

export class Moments {
  static readonly #all = new WeakMap<MomentsClock, Moments>();
  readonly #clock: MomentsClock;
  /** By the time of the monotonic clock at which they wake. */
  readonly #sleepers = new Map<number, Sleeper[]>();

  private constructor(clock: MomentsClock) {
    this.#clock = clock;
  }

  /** The same for all who go by this clock. */
  static of(clock: MomentsClock): Moments {
    const known = Moments.#all.get(clock);
    if (known !== undefined) return known;
    const moments = new Moments(clock);
    Moments.#all.set(clock, moments);
    return moments;
  }

  /** Wakes `sleeper` at `atMs`, never within this call. */
  wake(sleeper: Sleeper, atMs: number): void {
    const others = this.#sleepers.get(atMs);
    if (others !== undefined) {
      others.push(sleeper);
      return;
    }
    const sleepers = [sleeper];
    this.#sleepers.set(atMs, sleepers);
    void this.#clock.sleep(Math.max(0, atMs - this.#clock.monotonicMs())).then(() => {
      this.#sleepers.delete(atMs);
      for (const one of sleepers) one.woken(atMs);
    });
  }
}
