/**
 * The share of history in one connection: pulls, and messages that are asked for one by one. What they bring lies in the
 * connection before live lines and acknowledgements of everybody, and in the server while the connection does not take it,
 * 64 MiB at most by default: beyond that the server drops the connection, and with it everybody's. Records are read in a line of
 * their own, by the same rules.
 */
import { FairLine } from "../../../core/scheduling/fair-line.ts";

/** Pulls and single messages at a time: each brings a quarter of a MiB, or one message (`pull.ts`). */
export const pullsMax = 4;

export class PullSlots {
  readonly #places: number;
  readonly #waiting = new FairLine<() => void>();
  #taken = 0;
  /** Questions that wait for their turn, by their names. */
  readonly #questions = new Map<string, Promise<unknown>>();

  constructor(places = pullsMax) {
    this.#places = places;
  }

  /** Resolves when `subject` may be asked for; give it back with `release`. Subjects take turns. */
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
   * Asks when it is the turn of `subject`. Those who ask the same, by its name, while it waits for its turn share one answer,
   * which is newer than each of their questions. Who asks once it is under way gets an answer of his own.
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
