/**
 * Decides how long a commit waits for more work. Where commits are rare it does not wait. Otherwise it waits while
 * each turn of the event loop brings more, up to a bound: of ten senders that each wait for their answer, that takes
 * all ten into one commit instead of five each into two.
 */
import { Rarity } from "../../core/scheduling/rarity.ts";

/** The longest wait: the latency that gathering may cost while many lines come. */
const gatherMsMax = 1;

export class CommitPace {
  readonly #commits = new Rarity();

  /**
   * Resolves when the next commit may begin. `waiting` counts the work that waits; undefined if there is so much that
   * no more is wanted, because a turn that brings so much is long.
   */
  async gather(waiting: (() => number) | undefined): Promise<void> {
    const startMs = performance.now();
    if (waiting === undefined || this.#commits.isRare(startMs)) return;
    const endMs = startMs + gatherMsMax;
    for (let before = -1; waiting() > before && performance.now() < endMs; ) {
      before = waiting();
      await nextTurn();
    }
  }

  /** A commit ended. */
  ended(): void {
    this.#commits.happened(performance.now());
  }
}

/** Resolves in the next turn of the event loop, when everything that had arrived was read. */
const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
