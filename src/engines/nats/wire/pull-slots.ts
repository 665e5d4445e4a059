/**
 * Bounds the history in flight on one connection: pulls, and messages that are asked for one by one. Their data delay
 * the live lines and acknowledgements of everybody on that connection. If the connection does not take them, they
 * pile up in the server; at 64 MiB by default the server drops the connection, for everybody. Records are read in a
 * queue of their own, by the same rules.
 */
import { FairLine } from "../../../core/scheduling/fair-line.ts";

/** Pulls and single messages at a time. A pull brings a quarter of a MiB (`pull.ts`). */
export const pullsMax = 4;

export class PullSlots {
  readonly #places: number;
  readonly #waiting = new FairLine<() => void>();
  #taken = 0;
  /** Questions that wait for their turn, by name. */
  readonly #questions = new Map<string, Promise<unknown>>();

  constructor(places = pullsMax) {
    this.#places = places;
  }

  /** Resolves when `subject` may be asked for; then `release` must follow. Subjects take turns. */
  take(subject: string): Promise<void> {
    if (this.#taken < this.#places) {
      this.#taken++;
      return Promise.resolve();
    }
    return new Promise((resolve) => this.#waiting.push(subject, resolve));
  }

  release(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#taken--;
    else next();
  }

  /**
   * Asks when it is the turn of `subject`. Callers that ask a question of the same `name` while it waits share one
   * answer, which is newer than each of their calls. Once the question is under way, a new caller gets an answer of
   * its own.
   */
  ask<Answer>(subject: string, name: string, question: () => Promise<Answer>): Promise<Answer> {
    const waiting = this.#questions.get(name) as Promise<Answer> | undefined;
    if (waiting !== undefined) return waiting;
    const answer = this.#inTurn(subject, name, question);
    this.#questions.set(name, answer);
    return answer;
  }

  async #inTurn<Answer>(subject: string, name: string, question: () => Promise<Answer>): Promise<Answer> {
    await this.take(subject);
    this.#questions.delete(name);
    try {
      return await question();
    } finally {
      this.release();
    }
  }
}
