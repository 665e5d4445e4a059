/**
 * Shares timers: everything that waits for the same moment of a clock has one timer. A thousand drains that write
 * their checkpoints together have a single one, and hold nothing else while they wait.
 */
import type { Clock } from "../../../ports.ts";

/** Something that waits for a moment. */
export interface Sleeper {
  /**
   * `atMs` has come, or almost, since a timer can be slightly early. May be called after the sleeper has lost
   * interest.
   */
  woken(atMs: number): void;
}

type MomentsClock = Pick<Clock, "monotonicMs" | "sleep">;

export class Moments {
  static readonly #all = new WeakMap<MomentsClock, Moments>();
  readonly #clock: MomentsClock;
  /** By the time of the monotonic clock when they wake. */
  readonly #sleepers = new Map<number, Sleeper[]>();

  private constructor(clock: MomentsClock) {
    this.#clock = clock;
  }

  /** The one for all users of this clock. */
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
