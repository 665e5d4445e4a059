const newline = 0x0a;
const carriageReturn = 0x0d;

/** Finds the next CR or LF natively, and remembers both, so that the bytes are searched once. */
export class LineBreaks {
  readonly #bytes: Uint8Array;
  #newline = -1;
  #carriageReturn = -1;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** The first one at or after `from`, which must never decrease. */
  next(from: number): number {
    if (this.#newline < from) this.#newline = this.#find(newline, from);
    if (this.#carriageReturn < from) this.#carriageReturn = this.#find(carriageReturn, from);
    return Math.min(this.#newline, this.#carriageReturn);
  }

  #find(byte: number, from: number): number {
    const found = this.#bytes.indexOf(byte, from);
    return found === -1 ? Number.POSITIVE_INFINITY : found;
  }
}
