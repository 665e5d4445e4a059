import { FairTimeLine } from "./core/scheduling/fair-time-line.ts";
import { afterwards, ownTurns, type Turns } from "./turns.ts";

/**
 * Shorter work of a line counts as this long: what one waits for (the disk, the processor) would decide otherwise.
 */
const leastMs = 1;
/** Longer work counts as this long: a pause of the whole process is nobody's, and its group would wait for all others. */
const mostMs = 8;

type TurnLineParts<Work> = {
  /** True when this turn has no more time for the line. */
  readonly isOver: () => boolean;
  readonly run: (work: Work) => void;
  /** A monotonic clock. */
  readonly nowMs?: () => number;
};

const monotonicMs = () => performance.now();

/**
 * Short work that waits for a later turn. Each turn does as much of it as there is time for, and the group whose work
 * has taken the least goes first.
 */
export class TurnLine<Work = () => void> {
  readonly #parts: TurnLineParts<Work>;
  readonly #waiting = new FairTimeLine<Work>();
  #isOn = false;

  constructor(parts: TurnLineParts<Work>) {
    this.#parts = parts;
  }

  /** The number of pieces of work that wait. */
  get length(): number {
    return this.#waiting.length;
  }

  /** Does `work` when its turn has come. */
  add(group: string, work: Work): void {
    this.#waiting.push(group, work);
    if (this.#isOn) return;
    this.#isOn = true;
    this.#nextTurn();
  }

  /** Removes the work that has waited for longest of the group that has the most. */
  removeOfLargest(): Work | undefined {
    return this.#waiting.shiftOfLargest();
  }

  #nextTurn(): void {
    setImmediate(() => this.#goOn(this.#waiting.length)); // as many as wait now: what comes of them is for later turns
  }

  #goOn(most: number): void {
    this.#isOn = this.#waiting.length > 0;
    if (!this.#isOn) return;
    const { isOver, run, nowMs = monotonicMs } = this.#parts;
    if (most === 0 || isOver()) {
      this.#nextTurn();
      return;
    }
    const { group, waiting } = this.#waiting.shift()!;
    const beginMs = nowMs();
    run(waiting);
    afterwards(() => {
      this.#waiting.took(group, Math.min(mostMs, Math.max(leastMs, nowMs() - beginMs)));
      this.#goOn(most - 1);
    });
  }
}

/**
 * True when a turn has no more time for a line. If others have used it up, the line still has half a millisecond;
 * otherwise it would stand still for as long as they continue.
 */
export function orALittle(turns: Turns, own = ownTurns()): () => boolean {
  return () => {
    if (!turns.isOver) return false;
    own.shorten();
    return own.isOver;
  };
}
