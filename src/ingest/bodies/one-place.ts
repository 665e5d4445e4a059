/** A place for what only one body may do at a time. Groups take turns. */
import { FairLine } from "../../core/scheduling/fair-line.ts";
import type { Reservation } from "./body-budget.ts";

type Waiting = { readonly go: () => void; isGone: boolean };

export class OnePlace {
  readonly #waiting = new FairLine<Waiting>();
  #isTaken = false;

  /**
   * Resolves when the place is the body's; undefined if it was free. Rejects when the body is evicted before. Who has the
   * place cannot be evicted.
   */
  take(group: string, reservation: Pick<Reservation, "onEvicted">): Promise<void> | undefined {
    if (!this.#isTaken) {
      this.#isTaken = true;
      return undefined;
    }
    return new Promise((resolve, reject) => {
      const go = () => {
        reservation.onEvicted = undefined;
        resolve();
      };
      const waiting: Waiting = { go, isGone: false };
      reservation.onEvicted = (reason) => {
        waiting.isGone = true;
        reject(reason);
      };
      this.#waiting.push(group, waiting);
    });
  }

  /** Gives the place to the next one. */
  leave(): void {
    let next = this.#waiting.shift();
    while (next?.isGone) next = this.#waiting.shift();
    if (next === undefined) this.#isTaken = false;
    else next.go();
  }
}
