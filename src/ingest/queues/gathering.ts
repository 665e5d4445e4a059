/**
 * Decides when gathered lines go to the log. Lines that arrive while a round is being stored gather for the next one,
 * of all channels together: on the journal that is one commit. Rounds and batches have fixed costs, so they are spread
 * over time: the distance to the previous round follows the number of its batches, and how many there were in the last
 * milliseconds. On an idle system the last round is long past and nothing waits; under a load of single lines a round
 * waits just long enough for more of them.
 */
import type { Clock } from "../../ports.ts";

/** A holder of lines that may go to the log. */
export type Gatherer = {
  /** Hands a batch to the log. */
  flush(): void;
};

/** About four times of what a batch of one line costs from door to drain, so that batches take a quarter of the time. */
const batchCostMs = 0.1;
/** The longest wait between rounds. */
const roundMsMax = 10;
/** So many batches in a millisecond make rounds of two milliseconds; half of them, of one. */
const busyPerMs = 5;
const busyMsMax = 2;
/** The load is that of so long a time, about. */
const loadMs = 10;
/** A shorter wait is none: timers are no finer. */
const waitMsMin = 0.5;
/** A round that takes longer holds up the next one no more: one channel may be slow where others are not. */
const storingMsMax = 5;

export class Gathering {
  readonly #clock: Pick<Clock, "monotonicMs" | "sleep">;
  #waiting: Gatherer[] = [];
  /** Batches that were handed over and have no answer yet. */
  #underWay = 0;
  #roundAtMs = Number.NEGATIVE_INFINITY;
  /** Batches in a millisecond. */
  #load = 0;
  /** A look at what waits is to come: behind all that is read in this turn of the event loop, or later. */
  #next: "none" | "soon" | "later" = "none";
  /** Numbers the later looks: only the newest counts. */
  #later = 0;

  constructor(clock: Pick<Clock, "monotonicMs" | "sleep">) {
    this.#clock = clock;
  }

  /** `gatherer` has lines; it is asked for them once. */
  add(gatherer: Gatherer): void {
    this.#waiting.push(gatherer);
    if (this.#next === "none") this.#lookSoon();
  }

  /** A batch is on its way. */
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
