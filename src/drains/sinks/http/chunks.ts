/** The chunked coding of a body (RFC 9112 §7.1), read leniently: an oddity ends the connection, not the answer. */

/** Bytes of sizes, extensions and trailers together. */
const overheadBytesMax = 16_384;
const sizeForm = /^([0-9a-f]{1,12})[ \t]*(?:;.*)?\r?\n$/i;

/** Takes the bytes of a body as they arrive and passes on the contents of the chunks. */
export class Chunks {
  /** True when the last chunk and the trailers have been read. */
  isDone = false;
  /** True when the coding is broken, so that the end of the body is unknown. */
  isBroken = false;
  #phase: "size" | "data" | "data end" | "trailer" = "size";
  #left = 0;
  #line = "";
  #overheadBytes = 0;

  /** Takes bytes up to the end of the body, or to where it breaks; returns the number taken. */
  push(bytes: Buffer, onData: (data: Buffer) => void): number {
    let at = 0;
    while (at < bytes.length && !this.isDone && !this.isBroken) {
      if (this.#phase === "data") {
        const data = bytes.subarray(at, at + this.#left);
        this.#left -= data.length;
        at += data.length;
        if (this.#left === 0) this.#phase = "data end";
        onData(data);
        continue;
      }
      const newline = bytes.indexOf(0x0a, at);
      const end = newline === -1 ? bytes.length : newline + 1;
      this.#overheadBytes += end - at;
      this.#line += bytes.toString("latin1", at, end);
      at = end;
      if (this.#overheadBytes > overheadBytesMax) this.isBroken = true;
      else if (newline !== -1) this.#take(this.#line);
    }
    return at;
  }

  #take(line: string): void {
    this.#line = "";
    const isBlank = line === "\r\n" || line === "\n";
    if (this.#phase === "trailer") this.isDone = isBlank;
    else if (this.#phase === "data end") {
      this.#phase = "size";
      this.isBroken = !isBlank;
    } else {
      const size = sizeForm.exec(line)?.[1];
      this.isBroken = size === undefined;
      this.#left = Number.parseInt(size ?? "0", 16);
      this.#phase = this.#left === 0 ? "trailer" : "data";
    }
  }
}
