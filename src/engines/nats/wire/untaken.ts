/**
 * The memory of history that has come and that its readers have not taken yet. A reader may stop for as long as its client
 * does not read; the servers keep what it has not taken, so it can be let go of and asked for again.
 */

/** Bytes that all readers of a connection hold together; over it, the one who has taken nothing for longest lets go. */
const untakenBytesMax = 32 * 1024 * 1024;
/** One reader asks for so much at a time, and for less when they are many. */
const answerBytesMax = 256 * 1024;
/** Bytes that a message costs besides its payload. */
const messageOverheadBytes = 256;

/** Holds messages for a reader. */
export type Holder = {
  /** Lets go of all of them. */
  drop(): void;
};

export class Untaken {
  readonly #bytesMax: number;
  /** In the order of their last use, the longest ago first. */
  readonly #holders = new Map<Holder, number>();
  #bytes = 0;

  constructor(bytesMax = untakenBytesMax) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** How much a reader may ask for now: half of the room is for those who ask next. */
  get share(): number {
    return Math.min(answerBytesMax, Math.ceil(this.#bytesMax / 2 / (this.#holders.size + 1)));
  }

  /** `holder` has so many messages more, of so many bytes together. */
  hold(holder: Holder, bytes: number, messages = 1): void {
    this.#change(holder, bytes + messages * messageOverheadBytes);
    for (const [oldest] of this.#holders) {
      if (this.#bytes <= this.#bytesMax) return;
      this.end(oldest);
      oldest.drop();
    }
  }

  /** Its reader took a message of so many bytes. */
  taken(holder: Holder, bytes: number): void {
    if (this.#holders.has(holder)) this.#change(holder, -bytes - messageOverheadBytes);
  }

  /** It holds nothing any more. Idempotent. */
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
