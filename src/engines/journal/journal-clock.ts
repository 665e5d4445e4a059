/** The two times that a journal records with each commit, because the time of day can jump. */
import type { Clock } from "../../ports.ts";
import { AgeClock } from "../age-clock.ts";
import type { Times } from "./entry.ts";

/**
 * `age` is the clock by which lines grow old; `ranMs` is how long servers have run on this journal, over all starts.
 */
export class JournalClock {
  readonly age: AgeClock;
  readonly #clock: Pick<Clock, "monotonicMs">;
  /** The lead of `ranMs` over the monotonic clock. */
  readonly #aheadMs: number;

  /** `kept`: the times of the newest commit; absent in a new folder. */
  constructor(clock: Pick<Clock, "nowMs" | "monotonicMs">, kept: Times | undefined) {
    this.age = new AgeClock(clock, kept?.ageMs);
    this.#clock = clock;
    this.#aheadMs = (kept?.ranMs ?? 1) - clock.monotonicMs();
  }

  get ranMs(): number {
    return Math.round(this.#aheadMs + this.#clock.monotonicMs());
  }

  get times(): Times {
    return { ageMs: this.age.timeMs, ranMs: this.ranMs };
  }
}
