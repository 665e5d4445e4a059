/**
 * A stretch of the log, in the order of its positions, without a hole: what the page holds of it. It grows at either end
 * and gives way at the other, so that it holds no more than its bounds, however long one reads.
 */
import { bytesOf, type Line } from "./line.ts";

/** Not a line: where the connection was resumed. It lies behind the line with `afterKey`. */
export type Mark = {
  readonly kind: "resumed";
  readonly key: string;
  readonly seconds: number;
  /** The positions on both sides. */
  readonly from: string;
  readonly to: string;
  /** Lines that are missing between them; undefined: a filter is set, and numbers need not follow. */
  readonly missing: number | undefined;
};

export type RingEntry = Line | Mark;
export const isMark = (entry: RingEntry): entry is Mark => "kind" in entry;

type RingBounds = { readonly linesMax: number; readonly bytesMax: number };

export class LineRing {
  readonly #bounds: RingBounds;
  #entries: RingEntry[] = [];
  /** Entries before this one are gone, and their place is not taken back yet. */
  #start = 0;
  #bytes = 0;
  /** The newer end was cut off: what follows has to be fetched again. */
  isCutNewer = false;

  constructor(bounds: RingBounds) {
    this.#bounds = bounds;
  }

  get count(): number {
    return this.#entries.length - this.#start;
  }
  get bytes(): number {
    return this.#bytes;
  }

  at(index: number): RingEntry | undefined {
    return this.#entries[this.#start + index];
  }

  first(): Line | undefined {
    for (let n = this.#start; n < this.#entries.length; n++) {
      const entry = this.#entries[n]!;
      if (!isMark(entry)) return entry;
    }
    return undefined;
  }

  last(): Line | undefined {
    for (let n = this.#entries.length - 1; n >= this.#start; n--) {
      const entry = this.#entries[n]!;
      if (!isMark(entry)) return entry;
    }
    return undefined;
  }

  /** Adds at the newer end; the oldest make room. Returns how many went. */
  pushNewer(entries: readonly RingEntry[]): number {
    for (const entry of entries) {
      this.#entries.push(entry);
      this.#bytes += costOf(entry);
    }
    let gone = 0;
    while (this.count > 1 && this.#isOver()) {
      this.#bytes -= costOf(this.#entries[this.#start]!);
      this.#entries[this.#start] = undefined as never; // its memory goes now, its place later
      this.#start++;
      gone++;
    }
    if (this.#start > this.#entries.length / 2) {
      this.#entries = this.#entries.slice(this.#start);
      this.#start = 0;
    }
    return gone;
  }

  /** Adds at the older end; the newest make room. Returns how many of them went. */
  pushOlder(entries: readonly RingEntry[]): number {
    this.#entries = [...entries, ...this.#entries.slice(this.#start)];
    this.#start = 0;
    for (const entry of entries) this.#bytes += costOf(entry);
    let gone = 0;
    while (this.count > 1 && this.#isOver()) {
      this.#bytes -= costOf(this.#entries.pop()!);
      gone++;
    }
    if (gone > 0) this.isCutNewer = true;
    return gone;
  }

  clear(): void {
    this.#entries = [];
    this.#start = 0;
    this.#bytes = 0;
    this.isCutNewer = false;
  }

  #isOver(): boolean {
    return this.count > this.#bounds.linesMax || this.#bytes > this.#bounds.bytesMax;
  }
}

const costOf = (entry: RingEntry): number => (isMark(entry) ? 200 : bytesOf(entry));
