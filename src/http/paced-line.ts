/**
 * A queue of the addresses that have to wait because of what they were sent: first come, first served, one in each turn
 * of the event loop.
 */
import type { AnswerPace } from "./answer-pace.ts";

export class PacedLine {
  readonly #pace: Pick<AnswerPace, "waitMs">;
  /** None is empty. */
  readonly #waiting = new Map<string, (() => void)[]>();

  constructor(pace: Pick<AnswerPace, "waitMs">) {
    this.#pace = pace;
  }

  /** `go` is called when those before it have gone and the address has nothing to pay off. */
  add(address: string, go: () => void): void {
    const before = this.#waiting.get(address);
    if (before !== undefined) {
      before.push(go);
      return;
    }
    this.#waiting.set(address, [go]);
    this.#goOn(address);
  }

  // One timer for all of an address: they would all wake up for one of them to go.
  #goOn(address: string): void {
    const waitMs = this.#pace.waitMs(address);
    if (waitMs > 0) {
      setTimeout(() => this.#goOn(address), waitMs).unref();
      return;
    }
    const waiting = this.#waiting.get(address)!;
    const go = waiting.shift()!;
    if (waiting.length === 0) this.#waiting.delete(address);
    else setImmediate(() => this.#goOn(address));
    go();
  }
}
