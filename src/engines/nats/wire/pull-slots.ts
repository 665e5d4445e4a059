/**
 * How many pulls of history may be on their way over one connection. What they bring waits in the server for a connection
 * that takes it, 64 MiB at most by default: beyond that the server drops the connection, and with it everybody's.
 */

/** Pulls at a time; each brings about a MiB (`pull.ts`). Others wait in their order. */
export const pullsMax = 16;

export class PullSlots {
  readonly #waiting: (() => void)[] = [];
  #taken = 0;

  /** Resolves when a pull may be asked for; give it back with `release`. */
  take(): Promise<void> {
    if (this.#taken < pullsMax) {
      this.#taken++;
      return Promise.resolve();
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  release(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#taken--;
    else next();
  }
}
