/**
 * The memory of history that has arrived and was not taken by its readers yet. A reader may stand still while its
 * client does not read. The servers still have the messages, so they can be dropped and asked for again.
 */

/**
 * Bytes that all readers of a connection hold together; beyond it, the reader that has taken nothing for longest
 * loses its messages.
 */
const untakenBytesMax = 32 * 1024 * 1024;
/** A reader asks for at most this much at a time, and for less when there are many readers. */
const answerBytesMax = 256 * 1024;
/** Memory of a message besides its payload. */
const messageOverheadBytes = 256;

/** Holds messages for a reader. */
export type Holder = {
  /** Drops all of them. */
  drop(): void;
};

export class Untaken {
  readonly #bytesMax: number;
  /** In the order of their last use, the oldest first. */
  readonly #holders = new Map<Holder, number>();
  #bytes = 0;

  constructor(bytesMax = untakenBytesMax) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The number of bytes that a reader may ask for now: half of the free memory is left for those who ask next. */
  get share(): number {
    return Math.min(answerBytesMax, Math.ceil(this.#bytesMax / 2 / (this.#holders.size + 1)));
  }

  /** `holder` has received this many messages, of `bytes` in total. */
  hold(holder: Holder, bytes: number, messages = 1): void {
    this.#change(holder, bytes + messages * messageOverheadBytes);
    for (const [oldest] of this.#holders) {
      if (this.#bytes <= this.#bytesMax) return;
      this.end(oldest);
      oldest.drop();
    }
  }

  /** The reader took a message of this size. */
  taken(holder: Holder, bytes: number): void {
    if (this.#holders.has(holder)) this.#change(holder, -bytes - messageOverheadBytes);
  }

  /** The reader holds nothing any more. Idempotent. */
  end(holder: Holder): void {
    this.#bytes -= this.#holders.get(holder) ?? 0;
    this.#holders.delete(holder);
  }

  #change(holder: Holder, by: number): void {
    const bytes = (this.#holders.get(holder) ?? 0) + by;
    this.#holders.delete(holder);
    if (bytes > 0) this.#holders.set(holder, bytes);
    this.#bytes += by;
  }
}
