/** The bytes that ingest holds in memory: taken from a sender and not yet durable. One bound for the process. */
export class PendingBytes {
  readonly #bytesMax: number;
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Bytes held now. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether so many more would stay within the bound. Takes nothing. */
  fits(bytes: number): boolean {
    return this.#bytes + bytes <= this.#bytesMax;
  }

  /** Takes room for so many more; false when that would pass the bound, and then nothing is taken. */
  take(bytes: number): boolean {
    if (!this.fits(bytes)) return false;
    this.#bytes += bytes;
    return true;
  }

  /** Gives back what was taken. */
  give(bytes: number): void {
    this.#bytes -= bytes;
  }

  /** Room that one request takes piece by piece and gives back at once. */
  hold(): Hold {
    return new Hold(this);
  }
}

/** What one request holds. `release` is idempotent. */
export class Hold {
  readonly #pending: PendingBytes;
  #bytes = 0;

  constructor(pending: PendingBytes) {
    this.#pending = pending;
  }

  /** Takes room for so many more bytes; false when there is none. */
  take(bytes: number): boolean {
    if (!this.#pending.take(bytes)) return false;
    this.#bytes += bytes;
    return true;
  }

  /** Gives everything back. */
  release(): void {
    this.#pending.give(this.#bytes);
    this.#bytes = 0;
  }
}
