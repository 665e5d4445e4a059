/**
 * A queue of the addresses that must wait because of what they were sent: first come, first served, one in each turn
 * of the event loop.
 */
import type { AnswerPace } from "./answer-pace.ts";

export class PacedLine {
  readonly #pace: Pick<AnswerPace, "waitMs">;
  /** No list is empty. */
  readonly #waiting = new Map<string, (() => void)[]>();

  constructor(pace: Pick<AnswerPace, "waitMs">) {
    this.#pace = pace;
  }

  /** `go` is called when it is first in line and its address may be sent more. */
  add(address: string, go: () => void): void {
    const before = this.#waiting.get(address);
    if (before !== undefined) {
      before.push(go);
      return;
    }
    this.#waiting.set(address, [go]);
    this.#goOn(address);
  }

  // One timer for each address: otherwise all of its waiters would wake up for one of them to go.
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
