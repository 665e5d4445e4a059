/**
 * Finds the neighbours of lines that pass a filter, in a stream that is read whole. Holds no more lines than were asked
 * for.
 */

import { readShownLine } from "../view/shown-line.ts";
import type { PlacedLine } from "./interleave.ts";
import type { LineTest } from "./line-test.ts";

/** Lines to show before and behind each, at most. */
export type NeighbourCounts = { readonly before: number; readonly after: number };

type Reads = AsyncGenerator<readonly PlacedLine[], string>;

/** Stands where lines are left out. */
export const gapAt = (position: string): PlacedLine => ({ position, line: "", isGap: true });

export class Neighbours {
  readonly #keeps: (line: PlacedLine) => boolean;
  readonly #counts: NeighbourCounts;
  /** The newest lines that were not shown. */
  #held: PlacedLine[] = [];
  /** Lines to show whatever they say: they follow one that passed. */
  #due = 0;
  #isFirst = true;
  #hasGap = false;

  constructor(keeps: LineTest, counts: NeighbourCounts) {
    this.#keeps = ({ line }) => keeps(readShownLine("", line));
    this.#counts = counts;
  }

  /** Passes on what the server has chosen already, and sees what is due behind it. */
  async *chosen(reads: Reads): Reads {
    for (;;) {
      const { done, value } = await reads.next();
      if (done) return value;
      for (const line of value) if (line.isGap !== true) this.#see(this.#keeps(line));
      this.#isFirst = false;
      yield value;
    }
  }

  /** Chooses from the whole stream. */
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
    this.#due = isKept ? this.#counts.after : Math.max(0, this.#due - 1);
  }
}
