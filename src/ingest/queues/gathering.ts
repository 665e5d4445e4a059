/**
 * Decides when gathered lines go to the log. Lines that arrive while a round is being stored gather for the next one,
 * for all channels together: on the journal that is one commit. Rounds and batches have fixed costs, so rounds are
 * spaced out: the wait since the previous round grows with the number of waiting batches and with the number of
 * batches in the last few milliseconds. On an idle system the last round is long past and nothing waits; under a load
 * of single lines a round waits just long enough to collect more of them.
 */
import type { Clock } from "../../ports.ts";

/** A holder of lines that are ready for the log. */
export type Gatherer = {
  /** Hands a batch to the log. */
  flush(): void;
};

/** About four times what a batch of one line costs from door to drain, so that batches take a quarter of the time. */
const batchCostMs = 0.1;
/** The longest wait between rounds. */
const roundMsMax = 10;
/** At this many batches per millisecond, rounds are at least two milliseconds apart; at half of it, one. */
const busyPerMs = 5;
const busyMsMax = 2;
/** The load is averaged over about this long. */
const loadMs = 10;
/** Timers are no finer than this, so a shorter wait is skipped. */
const waitMsMin = 0.5;
/**
 * A round that takes longer than this no longer holds up the next one: one channel may be slow where others are not.
 */
const storingMsMax = 5;

export class Gathering {
  readonly #clock: Pick<Clock, "monotonicMs" | "sleep">;
  #waiting: Gatherer[] = [];
  /** Batches that were handed to the log and not answered yet. */
  #underWay = 0;
  #roundAtMs = Number.NEGATIVE_INFINITY;
  /** Batches per millisecond. */
  #load = 0;
  /** The next look at the waiting lines: after everything that is read in this turn of the event loop, or later. */
  #next: "none" | "soon" | "later" = "none";
  /** The number of the newest later look; older ones do nothing. */
  #later = 0;

  constructor(clock: Pick<Clock, "monotonicMs" | "sleep">) {
    this.#clock = clock;
  }

  /** `gatherer` has lines, and will be asked for them once. */
  add(gatherer: Gatherer): void {
    this.#waiting.push(gatherer);
    if (this.#next === "none") this.#lookSoon();
  }

  /** A batch was handed to the log. */
  began(): void {
    this.#underWay++;
  }

  /** The log has answered. */
  ended(): void {
    this.#underWay--;
    if (this.#underWay === 0 && this.#waiting.length > 0) this.#lookSoon();
  }

  #lookSoon(): void {
    if (this.#next === "soon") return;
    this.#next = "soon";
    setImmediate(this.#look);
  }

  readonly #look = (): void => {
    this.#next = "none";
    if (this.#waiting.length === 0) return;
    const nowMs = this.#clock.monotonicMs();
    const batchesMs = Math.min(roundMsMax, this.#waiting.length * batchCostMs);
    const busyMs = Math.min(busyMsMax, (this.#load / busyPerMs) * busyMsMax);
    const dueMs = this.#roundAtMs + Math.max(batchesMs, busyMs, this.#underWay > 0 ? storingMsMax : 0);
    if (dueMs - nowMs >= waitMsMin) this.#lookLater(dueMs - nowMs);
    else this.#begin(nowMs);
  };

  #lookLater(ms: number): void {
    this.#next = "later";
    const later = ++this.#later;
    void this.#clock.sleep(ms).then(() => {
      if (this.#next === "later" && this.#later === later) this.#look();
    });
  }

  #begin(nowMs: number): void {
    const round = this.#waiting;
    const sinceMs = Math.max(nowMs - this.#roundAtMs, 0.01);
    this.#load += (round.length / sinceMs - this.#load) * Math.min(1, sinceMs / loadMs);
    this.#roundAtMs = nowMs;
    this.#waiting = [];
    for (const gatherer of round) gatherer.flush();
  }
}
