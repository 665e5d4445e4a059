/**
 * The senders of the last while, for `tailrace sources`: by door and address, with their framing and their newest
 * fault. At the bound the sender that has been silent for longest is forgotten.
 */
import { LRUCache } from "lru-cache";
import { addressGroup } from "../../core/address-group.ts";
import type { Clock } from "../../ports.ts";
import type { Cause } from "./fault-causes.ts";
import { causes } from "./fault-causes.ts";

/** The listener that a sender uses. */
export type Door = "syslog" | "syslog-tls" | "syslog-udp" | "relp";

/** A sender at one door; the door counts its frames here. */
type Sender = {
  readonly peer: string;
  readonly door: Door;
  framing: "octet" | "newline" | "datagram" | "relp";
  frames: number;
  seenAtMs: number;
};

/** The newest fault of a peer, in words. */
type SenderFault = {
  readonly cause: Cause;
  readonly what: string;
  readonly mend: string;
  readonly firstBytes?: string;
  readonly atMs: number;
};

/** A peer with faults only has no door. */
export type ListedSender = {
  readonly peer: string;
  readonly seenAtMs: number;
  readonly fault?: SenderFault;
} & Partial<Readonly<Sender>>;

export class Senders {
  readonly #clock: Pick<Clock, "nowMs">;
  readonly #senders: LRUCache<string, Sender>;
  readonly #faults: LRUCache<string, SenderFault>;

  constructor({ clock, sendersMax }: { readonly clock: Pick<Clock, "nowMs">; readonly sendersMax: number }) {
    this.#clock = clock;
    this.#senders = new LRUCache({ max: sendersMax });
    this.#faults = new LRUCache({ max: sendersMax });
  }

  /** The sender at this address, seen just now. */
  heard(address: string | undefined, door: Door): Sender {
    const peer = addressGroup(address);
    const key = `${door} ${peer}`;
    let sender = this.#senders.get(key);
    const seenAtMs = this.#clock.nowMs();
    if (sender === undefined) {
      sender = { peer, door, framing: "octet", frames: 0, seenAtMs };
      this.#senders.set(key, sender);
    }
    sender.seenAtMs = seenAtMs;
    return sender;
  }

  /** Remembers the newest fault of this address. `sample` is without secrets. */
  failed(address: string | undefined, cause: Cause, sample: string | undefined): void {
    const { what, mend } = causes[cause];
    this.#faults.set(addressGroup(address), {
      cause,
      what,
      mend,
      ...(sample !== undefined && { firstBytes: sample }),
      atMs: this.#clock.nowMs(),
    });
  }

  /** The newest first, including peers with faults only. */
  list(): readonly ListedSender[] {
    const listed = [...this.#senders.values()].map((sender): ListedSender => {
      const fault = this.#faults.peek(sender.peer);
      return { ...sender, ...(fault !== undefined && { fault }) };
    });
    const heard = new Set(listed.map(({ peer }) => peer));
    for (const [peer, fault] of this.#faults.entries())
      if (!heard.has(peer)) listed.push({ peer, seenAtMs: fault.atMs, fault });
    return listed.sort((a, b) => b.seenAtMs - a.seenAtMs);
  }
}
