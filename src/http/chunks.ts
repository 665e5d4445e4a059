/**
 * The chunked coding of a body, RFC 9112 §7.1, as strict as Node's parser: sizes in hexadecimal, lines that end with CRLF.
 * Extensions and trailers are passed over, within a bound. A chunk costs nanoseconds and no memory, however short it is.
 */

const carriageReturn = 0x0d;
const lineFeed = 0x0a;
const semicolon = 0x3b;
const sizeDigitsMax = 7;
/** Extensions and trailers of a body, which nobody reads. */
const besidesBytesMax = 16 * 1024;

type State =
  | "size"
  | "extension"
  | "size end"
  | "data"
  | "data end"
  | "line"
  | "trailer"
  | "line end"
  | "over"
  | "bad";

export class Chunks {
  #state: State = "size";
  #size = 0;
  #digits = 0;
  #besidesBytes = 0;
  /** The line that is being passed over behind the last chunk has no byte yet: it may be the last. */
  #isEmptyLine = true;

  /** All of the body was decoded. */
  get isOver(): boolean {
    return this.#state === "over";
  }

  /** It is no chunked coding. */
  get isBad(): boolean {
    return this.#state === "bad";
  }

  /**
   * Decodes `bytes` from `at` on, to the end of the body at most. The data are moved to `at`, in the same memory, and end at
   * `dataEnd`; the body goes on, or another request begins, at `end`.
   */
  decode(bytes: Buffer, at: number): { readonly dataEnd: number; readonly end: number } {
    let dataEnd = at;
    let from = at;
    while (from < bytes.length && this.#state !== "over" && this.#state !== "bad") {
      if (this.#state !== "data") {
        this.#state = this.#next(bytes[from++]!);
        continue;
      }
      const to = Math.min(bytes.length, from + this.#size);
      if (to - from === 1) bytes[dataEnd] = bytes[from]!;
      else bytes.copyWithin(dataEnd, from, to);
      dataEnd += to - from;
      this.#size -= to - from;
      from = to;
      if (this.#size === 0) this.#state = "data end";
    }
    return { dataEnd, end: from };
  }

  // The state behind a byte that is no data.
  #next(byte: number): State {
    switch (this.#state) {
      case "size":
        return this.#afterSize(byte);
      case "extension":
        return byte === carriageReturn ? "size end" : this.#besides(byte, "extension");
      case "size end":
        return byte === lineFeed ? this.#begin() : "bad";
      case "data end":
        return byte === carriageReturn ? "line" : "bad";
      case "line":
        return byte === lineFeed ? "size" : "bad";
      case "trailer":
        if (byte === carriageReturn) return "line end";
        this.#isEmptyLine = false;
        return this.#besides(byte, "trailer");
      default:
        return byte === lineFeed ? this.#afterTrailer() : "bad";
    }
  }

  #afterSize(byte: number): State {
    const digit = hexadecimal(byte);
    if (digit !== undefined) {
      this.#size = this.#size * 16 + digit;
      return ++this.#digits > sizeDigitsMax ? "bad" : "size";
    }
    if (this.#digits === 0) return "bad";
    if (byte === semicolon) return this.#besides(byte, "extension");
    return byte === carriageReturn ? "size end" : "bad";
  }

  #begin(): State {
    this.#digits = 0;
    return this.#size === 0 ? "trailer" : "data";
  }

  #afterTrailer(): State {
    if (this.#isEmptyLine) return "over";
    this.#isEmptyLine = true;
    return "trailer";
  }

  #besides(byte: number, state: State): State {
    return byte === lineFeed || ++this.#besidesBytes > besidesBytesMax ? "bad" : state;
  }
}

function hexadecimal(byte: number): number | undefined {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x61 + 10 : undefined;
}
