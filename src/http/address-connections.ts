/** The connections of one address: which of them can be spared is known without a look at the others. */
import type { Connection } from "./connection.ts";

export class AddressConnections {
  /** Each in the order in which they began to rest, or their requests began. */
  readonly #resting = new Set<Connection>();
  readonly #busy = new Set<Connection>();

  get size(): number {
    return this.#resting.size + this.#busy.size;
  }

  add(connection: Connection): void {
    if (connection.isResting) this.#resting.add(connection);
    else this.#busy.add(connection);
  }

  /** False: it is not here. */
  delete(connection: Connection): boolean {
    return this.#resting.delete(connection) || this.#busy.delete(connection);
  }

  /**
   * Nobody loses work of ours when this one is closed: it has rested for longest, or its answer has been unread for longest where
   * none rests. Undefined: all wait for us.
   */
  get dispensable(): Connection | undefined {
    for (const connection of this.#resting) return connection;
    for (const connection of this.#busy) if (connection.isUnread) return connection;
    return undefined;
  }

  /** Those that rest, at this moment. */
  get resting(): readonly Connection[] {
    return [...this.#resting];
  }
}
