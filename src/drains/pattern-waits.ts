/** A drain's waits for its patterns: its owner is told when his app's drains have used up their time for them. */
import type { Payer, Selector } from "../patterns/selector.ts";
import type { Clock } from "../ports.ts";
import { ticking } from "../ticking.ts";

export type PatternWaitsParts = {
  readonly payer: Payer;
  readonly selector: Pick<Selector, "isSpent">;
  readonly clock: Clock;
  /** Lines are held back; called again while they are, now and then. */
  readonly onHeld: (reason: string) => void;
};

/** A wait is told of after this, and again not before that. */
const tellMs = 5_000;
const tellAgainMs = 60_000;

const reason =
  "the filters and redactions of this app's drains need more time than an app has for them: lines are late, none is lost; use simpler patterns";

export class PatternWaits {
  readonly #parts: PatternWaitsParts;
  #toldMs = Number.NEGATIVE_INFINITY;

  constructor(parts: PatternWaitsParts) {
    this.#parts = parts;
  }

  async wait<Value>(promise: Promise<Value>): Promise<Value> {
    const { clock } = this.#parts;
    const startMs = clock.nowMs();
    const waiting = ticking(promise, clock, () => this.#tick(startMs));
    for (;;) {
      const next = await waiting.next();
      if (next.done) return next.value;
    }
  }

  #tick(startMs: number): void {
    const { clock, selector, payer, onHeld } = this.#parts;
    const nowMs = clock.nowMs();
    if (nowMs - startMs < tellMs || nowMs - this.#toldMs < tellAgainMs) return;
    if (!selector.isSpent(payer)) return;
    this.#toldMs = nowMs;
    onHeld(reason);
  }
}
