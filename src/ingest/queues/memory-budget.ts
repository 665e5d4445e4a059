/**
 * The memory of all lines that were accepted and are not stored yet, through any door, and of bodies that are being
 * read. There is one bound for the process. A door that can refuse does so at the bound; one that can only stop
 * reading stops at half of it (`isTight`), so that there is room left for the others.
 */
export class MemoryBudget {
  readonly #bytesMax: number;
  #bytes = 0;
  #reclaim: (bytes: number) => void = () => {};

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Bytes held now. */
  get bytes(): number {
    return this.#bytes;
  }

  /** True when doors that cannot answer should stop reading. */
  get isTight(): boolean {
    return this.#bytes > this.#bytesMax / 2;
  }

  /**
   * `reclaim` is called with the number of bytes that are missing before anything is refused, and frees what it can.
   */
  onShortage(reclaim: (bytes: number) => void): void {
    this.#reclaim = reclaim;
  }

  /** True when this many bytes more stay within the bound. Reserves nothing. */
  fits(bytes: number): boolean {
    return this.#bytes + bytes <= this.#bytesMax;
  }

  /** The same, after whoever can has freed memory. Reserves nothing. */
  makeRoom(bytes: number): boolean {
    if (!this.fits(bytes)) this.#reclaim(bytes);
    return this.fits(bytes);
  }

  /**
   * Counts bytes as taken, or as given back where negative. What has already been read is counted whatever the bound;
   * `isTight` keeps that to one read of each connection.
   */
  hold(bytes: number): void {
    this.#bytes += bytes;
  }
}
