/**
 * Bounds the number of syslog connections, in all and from one address. At a bound, the connection that has gone
 * without a known token for longest is closed: one of the same address, or of the address that has the most
 * connections. If all have brought a known token, the new connection is closed instead. The sender is told nothing on
 * the wire, so the server's log says it.
 */
import { addressGroup } from "../../core/address-group.ts";

/** A connection, as seen from here. */
export type Peer = {
  readonly address: string | undefined;
  /** True once a frame with a known token has come. */
  readonly isKnown: boolean;
  close(reason: Reason): void;
};

export type Reason = "too_many" | "too_many_of_address";

export class SyslogPeers {
  readonly #connectionsMax: number;
  readonly #addressConnectionsMax: number;
  /** The oldest connection of each comes first. */
  readonly #addresses = new Map<string, Set<Peer>>();
  #count = 0;

  constructor(limits: { readonly connectionsMax: number; readonly addressConnectionsMax: number }) {
    this.#connectionsMax = limits.connectionsMax;
    this.#addressConnectionsMax = limits.addressConnectionsMax;
  }

  /** Admits the connection; at a bound it closes this or another one. */
  enter(peer: Peer): void {
    const address = addressGroup(peer.address);
    const own = this.#addresses.get(address) ?? new Set();
    const isFull = own.size >= this.#addressConnectionsMax;
    if (isFull || this.#count >= this.#connectionsMax) {
      const reason = isFull ? "too_many_of_address" : "too_many";
      const dispensable = firstUnknown(isFull ? own : this.#largest());
      if (dispensable === undefined) {
        peer.close(reason);
        return;
      }
      this.leave(dispensable);
      dispensable.close(reason);
    }
    own.add(peer);
    this.#addresses.set(address, own);
    this.#count++;
  }

  /** Idempotent. */
  leave(peer: Peer): void {
    const address = addressGroup(peer.address);
    const own = this.#addresses.get(address);
    if (own?.delete(peer) !== true) return;
    if (own.size === 0) this.#addresses.delete(address);
    this.#count--;
  }

  #largest(): ReadonlySet<Peer> {
    let largest: ReadonlySet<Peer> = new Set();
    for (const peers of this.#addresses.values()) if (peers.size > largest.size) largest = peers;
    return largest;
  }
}

function firstUnknown(peers: ReadonlySet<Peer>): Peer | undefined {
  for (const peer of peers) if (!peer.isKnown) return peer;
  return undefined;
}
