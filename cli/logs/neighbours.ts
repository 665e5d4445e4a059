/**
 * Finds the neighbours of lines that match a filter, in a stream that is read whole. Holds only as many lines as may be
 * needed.
 */

import { readShownLine } from "../view/shown-line.ts";
import type { PlacedLine } from "./interleave.ts";
import type { LineTest } from "./line-test.ts";

/** The most lines to show before and after each match. */
export type NeighbourCounts = { readonly before: number; readonly after: number };

type Reads = AsyncGenerator<readonly PlacedLine[], string>;

/** A mark where lines are left out. */
export const gapAt = (position: string): PlacedLine => ({ position, line: "", isGap: true });

export class Neighbours {
  readonly #keeps: (line: PlacedLine) => boolean;
  readonly #counts: NeighbourCounts;
  /** The newest lines that were not shown. */
  #held: PlacedLine[] = [];
  /** How many lines to show whatever they say, because they follow a match. */
  #due = 0;
  #isFirst = true;
  #hasGap = false;
  #matches = 0;

  constructor(keeps: LineTest, counts: NeighbourCounts) {
    this.#keeps = ({ line }) => keeps(readShownLine("", line));
    this.#counts = counts;
  }

  /** How many lines matched. */
  get matches(): number {
    return this.#matches;
  }

  /** Passes on what the server has already selected, and notes what is due after it. */
  async *chosen(reads: Reads): Reads {
    for (;;) {
      const { done, value } = await reads.next();
      if (done) return value;
      for (const line of value) if (line.isGap !== true) this.#see(this.#keeps(line));
      this.#isFirst = false;
      yield value;
    }
  }

  /** Selects from the whole stream. */
  async *from(reads: Reads): Reads {
    for (;;) {
      const { done, value } = await reads.next();
      if (done) return value;
      const shown = value.flatMap((line) => this.#take(line));
      if (shown.length > 0) yield shown;
    }
  }

  #take(line: PlacedLine): readonly PlacedLine[] {
    const isKept = this.#keeps(line);
    const isShown = isKept || this.#due > 0;
    this.#see(isKept);
    if (!isShown) {
      this.#held.push(line);
      if (this.#held.length > this.#counts.before) {
        this.#held.shift();
        this.#hasGap = true;
      }
      return [];
    }
    const gap = this.#hasGap && !this.#isFirst ? [gapAt((this.#held[0] ?? line).position)] : [];
    const shown = [...gap, ...this.#held, line];
    this.#held = [];
    this.#hasGap = false;
    this.#isFirst = false;
    return shown;
  }

  #see(isKept: boolean): void {
    if (isKept) this.#matches++;
    this.#due = isKept ? this.#counts.after : Math.max(0, this.#due - 1);
  }
}
