/**
 * Decodes chunked bodies, RFC 9112 §7.1, as strictly as Node's parser: sizes in hexadecimal, lines that end with
 * CRLF. Extensions and trailers are skipped, within a bound. A chunk costs nanoseconds and no memory, however short
 * it is.
 */

const carriageReturn = 0x0d;
const lineFeed = 0x0a;
const semicolon = 0x3b;
const colon = 0x3a;
const equals = 0x3d;
const quote = 0x22;
const backslash = 0x5c;
const sizeDigitsMax = 7;
/** Bound for extensions and trailers, which nobody reads. */
const besidesBytesMax = 16 * 1024;

type State =
  | "size"
  | "extension"
  | "quoted"
  | "escaped"
  | "size end"
  | "data"
  | "data end"
  | "line"
  | "trailer"
  | "trailer name"
  | "trailer value"
  | "line end"
  | "over"
  | "bad";

export class Chunks {
  #state: State = "size";
  #size = 0;
  #digits = 0;
  #besidesBytes = 0;
  /** True while the current trailer line has no byte, so that it may be the last line. */
  #isEmptyLine = true;

  /** True when the whole body was decoded. */
  get isOver(): boolean {
    return this.#state === "over";
  }

  /** True when the coding is malformed. */
  get isBad(): boolean {
    return this.#state === "bad";
  }

  /**
   * Decodes `bytes` from `at` on, at most to the end of the body. The data are moved to `at`, in the same memory, up
   * to `dataEnd`. The undecoded rest begins at `end`.
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

  // The state after a byte that is not data.
  #next(byte: number): State {
    switch (this.#state) {
      case "size":
        return this.#afterSize(byte);
      case "extension":
        if (byte === carriageReturn) return "size end";
        if (byte === quote) return this.#besides(byte, "quoted");
        return isOfName(byte) || byte === equals || byte === semicolon
          ? this.#besides(byte, "extension")
          : "bad";
      case "quoted":
        if (byte === carriageReturn) return "bad";
        return this.#besides(byte, byte === quote ? "extension" : byte === backslash ? "escaped" : "quoted");
      case "escaped":
        return byte === carriageReturn ? "bad" : this.#besides(byte, "quoted");
      case "size end":
        return byte === lineFeed ? this.#begin() : "bad";
      case "data end":
        return byte === carriageReturn ? "line" : "bad";
      case "line":
        return byte === lineFeed ? "size" : "bad";
      case "trailer":
        if (byte === carriageReturn) return "line end";
        this.#isEmptyLine = false;
        return isOfName(byte) ? this.#besides(byte, "trailer name") : "bad";
      case "trailer name":
        if (byte === colon) return this.#besides(byte, "trailer value");
        return isOfName(byte) ? this.#besides(byte, "trailer name") : "bad";
      case "trailer value":
        return byte === carriageReturn ? "line end" : this.#besides(byte, "trailer value");
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

/** True for bytes that a field's name may have: those of a token, RFC 9110 §5.6.2. */
const isOfName = (byte: number): boolean => nameBytes[byte] === 1;
const nameBytes = Uint8Array.from({ length: 256 }, (_, byte) =>
  Number(/[!#$%&'*+\-.^_`|~0-9A-Za-z]/.test(String.fromCharCode(byte))),
);

function hexadecimal(byte: number): number | undefined {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x61 + 10 : undefined;
}
