/**
 * Paces answers to the clients of one address: a burst, then a rate. An unread answer stays in the system's socket
 * memory, where we cannot bound it and where it takes room from everybody.
 */

export type AnswerPaceLimits = {
  /** Bytes of answers to one address, at once. */
  readonly answerBytesMax: number;
  /** And per second after that. */
  readonly answerBytesPerSecond: number;
};

/** Shorter answers cost no more than their requests, and do not count. */
export const answerBytesMin = 16 * 1024;
const addressesMax = 10_000;

type Sent = { bytes: number; atMs: number };

export class AnswerPace {
  readonly #limits: AnswerPaceLimits;
  readonly #nowMs: () => number;
  /** The bytes that each address was sent beyond its rate, as of a time. */
  readonly #sent = new Map<string, Sent>();

  /** `nowMs`: a monotonic clock. */
  constructor(limits: AnswerPaceLimits, nowMs: () => number) {
    this.#limits = limits;
    this.#nowMs = nowMs;
  }

  /** Counts an answer to the address. */
  sent(address: string, bytes: number): void {
    if (bytes <= answerBytesMin) return;
    const known = this.#paidOff(address);
    if (known !== undefined) known.bytes += bytes;
    else {
      this.#sent.set(address, { bytes, atMs: this.#nowMs() });
      if (this.#sent.size > addressesMax) for (const other of [...this.#sent.keys()]) this.#paidOff(other);
    }
  }

  /** The time that the next request of the address has to wait. */
  waitMs(address: string): number {
    if (this.#sent.size === 0) return 0;
    const { answerBytesMax, answerBytesPerSecond } = this.#limits;
    const overBytes = (this.#paidOff(address)?.bytes ?? 0) - answerBytesMax;
    return overBytes < 0 ? 0 : Math.ceil((overBytes * 1000) / answerBytesPerSecond) + 1;
  }

  #paidOff(address: string): Sent | undefined {
    const sent = this.#sent.get(address);
    if (sent === undefined) return undefined;
    const nowMs = this.#nowMs();
    sent.bytes -= ((nowMs - sent.atMs) * this.#limits.answerBytesPerSecond) / 1000;
    sent.atMs = nowMs;
    if (sent.bytes > 0) return sent;
    this.#sent.delete(address);
    return undefined;
  }
}
