/** The processes that wrote lines of a log. At the bound, those that have been silent for longest are dropped. */
import type { LineCursor } from "../core/batch/line-cursor.ts";

const nothing = new Uint8Array(0);

export class SeenProcesses {
  readonly #max: number;
  /** The highest line number of each. */
  readonly #newest = new Map<string, number>();
  /** The name on the previous line; most lines have the same one. */
  #bytes: Uint8Array = nothing;
  #name = "";

  constructor(max: number) {
    this.#max = max;
  }

  /** Adds the process of the cursor's line, which has this running number. */
  add(cursor: LineCursor, line: number): void {
    const { bytes, processStart, processEnd } = cursor;
    if (!this.#isSame(bytes, processStart, processEnd)) {
      this.#bytes = bytes.slice(processStart, processEnd);
      this.#name = Buffer.from(this.#bytes).toString();
    }
    const known = this.#newest.get(this.#name);
    if (known !== undefined && known >= line) return;
    this.#newest.set(this.#name, line);
    if (this.#newest.size > this.#max) this.#forgetOldest();
  }

  /** Lines before this number were trimmed. */
  dropBefore(line: number): void {
    for (const [name, newest] of this.#newest) if (newest < line) this.#newest.delete(name);
  }

  names(): string[] {
    return [...this.#newest.keys()].sort();
  }

  clear(): void {
    this.#newest.clear();
  }

  #isSame(bytes: Uint8Array, start: number, end: number): boolean {
    if (end - start !== this.#bytes.length || this.#newest.size === 0) return false;
    for (let at = start; at < end; at++) if (bytes[at] !== this.#bytes[at - start]) return false;
    return true;
  }

  #forgetOldest(): void {
    let oldest = "";
    let least = Number.POSITIVE_INFINITY;
    for (const [name, newest] of this.#newest)
      if (newest < least) {
        oldest = name;
        least = newest;
      }
    this.#newest.delete(oldest);
  }
}
