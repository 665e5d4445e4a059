/**
 * The part of the log that the page holds, in the order of positions and without gaps. It grows at one end and shrinks
 * at the other, so that it stays within its bounds however long somebody reads.
 */
import { bytesOf, type Line } from "./line.ts";

/** Not a line: the place where the connection was resumed. It comes after the line with `afterKey`. */
export type Mark = {
  readonly kind: "resumed";
  readonly key: string;
  readonly seconds: number;
  /** The positions on both sides. */
  readonly from: string;
  readonly to: string;
  /**
   * The number of missing lines between them; undefined if there is a filter, so that numbers need not be consecutive.
   */
  readonly missing: number | undefined;
};

export type RingEntry = Line | Mark;
export const isMark = (entry: RingEntry): entry is Mark => "kind" in entry;

export type RingBounds = { readonly linesMax: number; readonly bytesMax: number };

export class LineRing {
  readonly #bounds: RingBounds;
  #entries: RingEntry[] = [];
  /** Entries before this index are gone, but their slots are still there. */
  #start = 0;
  #bytes = 0;
  /** True if the newer end was cut off, so that what follows must be fetched again. */
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

  /** All lines, oldest first. */
  all(): Line[] {
    return this.#entries.slice(this.#start).filter((entry): entry is Line => !isMark(entry));
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

  /** Adds entries at the newer end and removes the oldest if necessary. Returns how many were removed. */
  pushNewer(entries: readonly RingEntry[]): number {
    for (const entry of entries) {
      this.#entries.push(entry);
      this.#bytes += costOf(entry);
    }
    let gone = 0;
    while (this.count > 1 && this.#isOver()) {
      this.#bytes -= costOf(this.#entries[this.#start]!);
      this.#entries[this.#start] = undefined as never; // frees its memory now, and its slot later
      this.#start++;
      gone++;
    }
    if (this.#start > this.#entries.length / 2) {
      this.#entries = this.#entries.slice(this.#start);
      this.#start = 0;
    }
    return gone;
  }

  /** Adds entries at the older end and removes the newest if necessary. Returns how many were removed. */
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
