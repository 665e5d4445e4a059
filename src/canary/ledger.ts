/** The numbers of the canary's lines: which are on their way, how long each took, and which did not come. Pure. */

/**
 * The ways by which a line comes back: from the log itself, through a drain of this server's own, and from the receiver of a
 * drain that somebody else has.
 */
export const ways = ["log", "drain", "receiver"] as const;
export type Way = (typeof ways)[number];

export type CanaryLimits = {
  /** A line that did not come back after so long is lost. */
  readonly lostMs: number;
  /** Lines that are waited for; the oldest one above that is lost. */
  readonly waitingMax: number;
};

export class CanaryLedger {
  readonly #limits: CanaryLimits;
  /** Lines that are waited for by each way, with when they were sent, in that order. */
  readonly #waiting: Readonly<Record<Way, Map<number, number>>> = {
    log: new Map(),
    drain: new Map(),
    receiver: new Map(),
  };
  /** Nobody waits for a receiver before it has sent something: there may be none. */
  #hasReceiver = false;

  constructor(limits: CanaryLimits) {
    this.#limits = limits;
  }

  /** A line is sent. Returns how many are lost by each way now. */
  sent(number: number, nowMs: number): Readonly<Record<Way, number>> {
    for (const way of ways)
      if (way !== "receiver" || this.#hasReceiver) this.#waiting[way].set(number, nowMs);
    return {
      log: this.#expire("log", nowMs),
      drain: this.#expire("drain", nowMs),
      receiver: this.#expire("receiver", nowMs),
    };
  }

  /** A line could not be sent: it is waited for by no way. */
  withdraw(number: number): void {
    for (const way of ways) this.#waiting[way].delete(number);
  }

  /** A line came back. Returns how long it took; undefined when it is not waited for: a repeat, or lost already. */
  returned(way: Way, number: number, nowMs: number): number | undefined {
    if (way === "receiver") this.#hasReceiver = true;
    const sentMs = this.#waiting[way].get(number);
    if (sentMs === undefined) return undefined;
    this.#waiting[way].delete(number);
    return Math.max(0, nowMs - sentMs);
  }

  #expire(way: Way, nowMs: number): number {
    const { lostMs, waitingMax } = this.#limits;
    const waiting = this.#waiting[way];
    let lost = 0;
    for (const [number, sentMs] of waiting) {
      if (nowMs - sentMs < lostMs && waiting.size <= waitingMax) break;
      waiting.delete(number);
      lost++;
    }
    return lost;
  }
}

/** The text of a line. `node` tells one process's lines from another's. */
export const canaryText = (node: string, number: number): string => `canary ${node} n=${number}`;

/** The numbers of a node's lines in text of any form: a batch, a body, what a receiver made of it. */
export function numbersIn(text: string, node: string): readonly number[] {
  const pattern = new RegExp(`canary ${node} n=(\\d{1,15})(?!\\d)`, "g");
  return [...text.matchAll(pattern)].map(([, digits]) => Number(digits));
}
