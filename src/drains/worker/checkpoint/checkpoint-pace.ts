/**
 * Decides when the drains of a process write their checkpoints. Each write costs about as much as a small parcel, and
 * many of them hold up the disk that lines are stored on. So the more drains are busy, the less often each writes its
 * progress.
 */
import type { Clock } from "../../../ports.ts";

type PaceParts = {
  readonly clock: Pick<Clock, "monotonicMs">;
  /** How soon a change is written when few drains are busy, and when very many are. */
  readonly msMin: number;
  readonly msMax: number;
  /** Writes of all drains per second, beyond which spans are made longer. */
  readonly perSecond: number;
};

export class CheckpointPace {
  readonly #parts: PaceParts;
  #spanMs: number;
  /** Writes since then. */
  #writes = 0;
  #sinceMs: number;

  constructor(parts: PaceParts) {
    this.#parts = parts;
    this.#spanMs = parts.msMin;
    this.#sinceMs = parts.clock.monotonicMs();
  }

  /**
   * Changes are written within this time: `msMin` times a power of two, so that all drains write at the same moments.
   */
  get spanMs(): number {
    return this.#spanMs;
  }

  /** Counts a drain's write; each busy drain writes once per span. */
  wrote(): void {
    const { clock, msMin, msMax, perSecond } = this.#parts;
    this.#writes++;
    const nowMs = clock.monotonicMs();
    const passedMs = nowMs - this.#sinceMs;
    if (passedMs < msMax) return;
    const busy = (this.#writes * this.#spanMs) / passedMs;
    let spanMs = msMin;
    while (spanMs * perSecond < busy * 1_000 && spanMs * 2 <= msMax) spanMs *= 2;
    this.#spanMs = spanMs;
    this.#writes = 0;
    this.#sinceMs = nowMs;
  }
}
