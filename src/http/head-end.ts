/** Finds the end of a request's head: after the first empty line, wherever reads are cut. */

const carriageReturn = 0x0d;
const lineFeed = 0x0a;
const emptyLine = Buffer.from("\r\n\r\n");

/** The number of bytes of an empty line that have been matched, 0 to 3; 4: all of them. */
type Matched = number;

export class HeadEnd {
  #matched: Matched = 0;

  /**
   * The place after the head that continues at `from` of `bytes`, or -1 if the head does not end there; the next call
   * then continues with the bytes that follow.
   */
  find(bytes: Buffer, from: number): number {
    for (let at = from; at < bytes.length && this.#matched > 0; at++) {
      this.#matched = after(this.#matched, bytes[at]!);
      if (this.#matched === emptyLine.length) return this.#found(at + 1);
    }
    if (this.#matched > 0) return -1;
    const found = bytes.indexOf(emptyLine, from);
    if (found !== -1) return this.#found(found + emptyLine.length);
    for (let at = Math.max(from, bytes.length - emptyLine.length + 1); at < bytes.length; at++) {
      this.#matched = after(this.#matched, bytes[at]!);
    }
    return -1;
  }

  #found(end: number): number {
    this.#matched = 0;
    return end;
  }
}

function after(matched: Matched, byte: number): Matched {
  if (byte === lineFeed) return matched % 2 === 1 ? matched + 1 : 0;
  if (byte !== carriageReturn) return 0;
  return matched === 2 ? 3 : 1;
}
