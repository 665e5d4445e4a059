/**
 * The memory of all lines that were taken in and are not stored yet, from whatever door, bodies that are being read
 * included. One bound for the process. A door that can refuse does so at the bound (`take`); one that can only stop reading
 * stops at half of it (`isTight`), so that there is room for the others.
 */
export class MemoryBudget {
  readonly #bytesMax: number;
  #bytes = 0;
  #makeRoom: (bytes: number) => void = () => {};

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Bytes held now. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Doors without an answer stop reading. */
  get isTight(): boolean {
    return this.#bytes > this.#bytesMax / 2;
  }

  /** `makeRoom` is asked to give back so many bytes, where it can, before anything is refused. */
  yields(makeRoom: (bytes: number) => void): void {
    this.#makeRoom = makeRoom;
  }

  /** True when so many more would stay within the bound. Takes nothing. */
  fits(bytes: number): boolean {
    return this.#bytes + bytes <= this.#bytesMax;
  }

  /** True when so many more fit, after others gave way where they can. Takes nothing. */
  makeRoom(bytes: number): boolean {
    if (!this.fits(bytes)) this.#makeRoom(bytes);
    return this.fits(bytes);
  }

  /**
   * Takes so many bytes, or gives them back. What was read already is taken whatever the bound: at most one read of each
   * connection, as `isTight` says.
   */
  hold(bytes: number): void {
    this.#bytes += bytes;
  }
}
