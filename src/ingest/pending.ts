/** The bytes that ingest holds in memory: taken from a sender and not yet durable. One bound for the process. */
export class PendingBytes {
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

  /** `makeRoom` is asked to give back so many bytes, where it can, before anything is refused. */
  yields(makeRoom: (bytes: number) => void): void {
    this.#makeRoom = makeRoom;
  }

  /** True when so many more would stay within the bound. Takes nothing. */
  fits(bytes: number): boolean {
    return this.#bytes + bytes <= this.#bytesMax;
  }

  /** Takes room for so many more; false when that would pass the bound, and then nothing is taken. */
  take(bytes: number): boolean {
    if (!this.fits(bytes)) this.#makeRoom(bytes);
    if (!this.fits(bytes)) return false;
    this.#bytes += bytes;
    return true;
  }

  /** Gives back what was taken. */
  give(bytes: number): void {
    this.#bytes -= bytes;
  }
}
