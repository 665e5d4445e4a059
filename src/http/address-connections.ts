/** The connections of one address, ordered so that the one to close is found without looking at the others. */
import type { Connection } from "./connection.ts";

export class AddressConnections {
  /** In the order in which they became idle, or in which their requests began. */
  readonly #idle = new Set<Connection>();
  readonly #busy = new Set<Connection>();

  get size(): number {
    return this.#idle.size + this.#busy.size;
  }

  add(connection: Connection): void {
    if (connection.isIdle) this.#idle.add(connection);
    else this.#busy.add(connection);
  }

  /** False when it is not one of these. */
  delete(connection: Connection): boolean {
    return this.#idle.delete(connection) || this.#busy.delete(connection);
  }

  /**
   * The connection to close, for which we lose no work: the one that has been idle for longest, or else the one whose
   * answer has been unread for longest. Undefined: all are waiting for us.
   */
  get dispensable(): Connection | undefined {
    for (const connection of this.#idle) return connection;
    for (const connection of this.#busy) if (connection.isUnread) return connection;
    return undefined;
  }

  /** A copy of the list. */
  get idle(): readonly Connection[] {
    return [...this.#idle];
  }
}
