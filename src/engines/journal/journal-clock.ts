/** The two times that a journal writes down with each commit, since the time of day jumps. */
import type { Clock } from "../../ports.ts";
import { AgeClock } from "../age-clock.ts";
import type { Times } from "./entry.ts";

/** `age` is what lines grow old by; `ranMs` is for how long servers ran on this journal, over all starts. */
export class JournalClock {
  readonly age: AgeClock;
  readonly #clock: Pick<Clock, "monotonicMs">;
  /** The lead of `ranMs` over the clock that only goes forward. */
  readonly #aheadMs: number;

  /** `kept`: what the newest commit says; absent in a new folder. */
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
