/**
 * Decides how long a commit waits for more work. Where commits are rare it does not wait: work that comes alone
 * hardly ever has company in the next turn of the event loop, and beside others' work that turn may be long. Otherwise
 * it waits while each turn brings more, up to a bound: of ten senders that each wait for their answer, that takes all
 * ten into one commit instead of five each into two.
 */

/** The longest wait: the latency that gathering may cost while many lines come. */
const gatherMsMax = 1;
/** Commits are rare if there were fewer than this in so long a time. */
const rareCommits = 4;
const rareMs = 10;

export class CommitPace {
  /** The ends of the last few commits. */
  readonly #endsMs = Array.from({ length: rareCommits }, () => Number.NEGATIVE_INFINITY);
  #next = 0;

  /**
   * Resolves when the next commit may begin. `waiting` counts the work that waits; undefined if there is so much that
   * no more is wanted, because a turn that brings so much is long.
   */
  async gather(waiting: (() => number) | undefined): Promise<void> {
    const startMs = performance.now();
    const isRare = startMs - this.#endsMs[this.#next]! > rareMs;
    if (isRare || waiting === undefined) return;
    const endMs = startMs + gatherMsMax;
    for (let before = -1; waiting() > before && performance.now() < endMs; ) {
      before = waiting();
      await nextTurn();
    }
  }

  /** A commit ended. */
  ended(): void {
    this.#endsMs[this.#next] = performance.now();
    this.#next = (this.#next + 1) % rareCommits;
  }
}

/** Resolves in the next turn of the event loop, when everything that had arrived was read. */
const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
