/** The numbers of the canary's lines: which are on their way, how long each took, and which did not come back. Pure. */

/**
 * The ways in which a line comes back: from the log itself, through a drain of this server's own, and from the receiver
 * of somebody else's drain.
 */
export const ways = ["log", "drain", "receiver"] as const;
export type Way = (typeof ways)[number];

export type CanaryLimits = {
  /** A line that has not come back after this time is lost. */
  readonly lostMs: number;
  /** Lines that are waited for; beyond this, the oldest is lost. */
  readonly waitingMax: number;
};

export class CanaryLedger {
  readonly #limits: CanaryLimits;
  /** The lines that are waited for in each way, and when they were sent, in that order. */
  readonly #waiting: Readonly<Record<Way, Map<number, number>>> = {
    log: new Map(),
    drain: new Map(),
    receiver: new Map(),
  };
  /** False until a receiver has sent something: before that, nothing is expected, since there may be none. */
  #hasReceiver = false;

  constructor(limits: CanaryLimits) {
    this.#limits = limits;
  }

  /** A line is sent. Returns how many lines are newly lost in each way. */
  sent(number: number, nowMs: number): Readonly<Record<Way, number>> {
    for (const way of ways)
      if (way !== "receiver" || this.#hasReceiver) this.#waiting[way].set(number, nowMs);
    return {
      log: this.#expire("log", nowMs),
      drain: this.#expire("drain", nowMs),
      receiver: this.#expire("receiver", nowMs),
    };
  }

  /** A line could not be sent, so it is not waited for. */
  withdraw(number: number): void {
    for (const way of ways) this.#waiting[way].delete(number);
  }

  /**
   * A line came back. Returns how long it took; undefined if it is not waited for, because it is a repeat or already
   * lost.
   */
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

/** The text of a line. `node` distinguishes the lines of different processes. */
export const canaryText = (node: string, number: number): string => `canary ${node} n=${number}`;

/** The numbers of a node's lines in text of any form: a batch, a body, or what a receiver made of it. */
export function numbersIn(text: string, node: string): readonly number[] {
  const pattern = new RegExp(`canary ${node} n=(\\d{1,15})(?!\\d)`, "g");
  return [...text.matchAll(pattern)].map(([, digits]) => Number(digits));
}
