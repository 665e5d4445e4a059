/**
 * Turns of connections that bring more than one read at a time. One of them is read until it has brought all that it has, or its
 * share is over, and only then the next one: so its lines make a few large batches, where a read of each connection in turn
 * would make many small ones. The bytes of those that wait stay in the kernel. Addresses take turns, and so do the
 * connections of one. Whoever brings little is read as it comes.
 */
import { FairLine } from "../../core/scheduling/fair-line.ts";
import type { Clock } from "../../ports.ts";
import { turnMsMax } from "../../turns.ts";

/** Reads have `turnMsMax` of a turn of the event loop, or half of what all else took in the last one, up to this. */
const burstMsMax = 5;
/** The last read of a turn has so many times as long to be taken whole. */
const lateFactor = 1.25;
/** Connections that are read in one turn of the event loop, when none of them has much. */
const groupMax = 16;
/** While more lines than this wait for the log nobody goes on, but one for each so many looks, each so long after the last. */
const freeBytesMax = 4 * 1024 * 1024;
const looksMax = 5;
const lookMs = 1;

type BurstsParts = {
  /** Bytes of lines that are not stored yet. */
  readonly waitingBytes: () => number;
  readonly clock: Pick<Clock, "sleep">;
  /** Milliseconds that never go back. */
  readonly nowMs: () => number;
  /** Runs a function when all that can be read now was read. */
  readonly defer: (run: () => void) => void;
};

export class Bursts {
  readonly #parts: BurstsParts;
  readonly #waiting = new FairLine<() => void>();
  /** The end of this turn of the event loop is awaited. */
  #isOn = false;
  /** When the read that is being taken began; undefined as long as it is a small one. What those before it took in this turn. */
  #readAtMs: number | undefined;
  #readingMs = 0;
  #readingMsMax = turnMsMax;
  /** The end of the last turn, in which some waited. */
  #endMs = Number.NaN;
  /** How many have their turn at the next end. */
  #group = 1;
  /** How often the log had too many lines, one look after the other. */
  #looks = 0;
  #isLooking = false;

  constructor(parts: Partial<BurstsParts> & Pick<BurstsParts, "waitingBytes" | "clock">) {
    this.#parts = { nowMs: () => performance.now(), defer: setImmediate, ...parts };
  }

  /** Some wait for their turn. */
  get isCrowded(): boolean {
    return this.#waiting.length > 0;
  }

  /** A read that is no small one is being taken from now on. */
  began(): void {
    this.#begin();
    this.#readAtMs = this.#parts.nowMs();
  }

  /** The read that is being taken, which is no small one, goes on in a later turn of the event loop. */
  get isLate(): boolean {
    if (this.#readAtMs === undefined) this.began();
    return this.#readingMs + this.#parts.nowMs() - this.#readAtMs! >= lateFactor * this.#readingMsMax;
  }

  /** It was taken, or has to wait. */
  took(): void {
    if (this.#readAtMs === undefined) return;
    this.#readingMs += this.#parts.nowMs() - this.#readAtMs;
    this.#readAtMs = undefined;
  }

  /** A connection that has more to read goes on in a later turn. */
  get isOver(): boolean {
    return this.#readingMs >= this.#readingMsMax;
  }

  /** Resolves when the caller may read on. */
  next(address: string): Promise<void> {
    this.#begin();
    return new Promise((resolve) => this.#waiting.push(address, resolve));
  }

  #begin(): void {
    if (this.#isOn) return;
    this.#isOn = true;
    this.#parts.defer(this.#end);
  }

  readonly #end = (): void => {
    const nowMs = this.#parts.nowMs();
    const othersMs = nowMs - this.#endMs - this.#readingMs;
    this.#group = this.#readingMs < this.#readingMsMax / 4 ? Math.min(2 * this.#group, groupMax) : 1;
    this.#readingMsMax = othersMs > 0 ? Math.min(burstMsMax, Math.max(turnMsMax, othersMs / 2)) : turnMsMax;
    this.#readingMs = 0;
    this.#isOn = false;
    this.#endMs = this.#waiting.length > 0 ? nowMs : Number.NaN;
    if (!this.#isLooking) this.#goOn();
  };

  #goOn(): void {
    if (this.#waiting.length === 0) return;
    if (this.#parts.waitingBytes() > freeBytesMax && this.#looks++ < looksMax) {
      this.#isLooking = true;
      this.#endMs = Number.NaN;
      void this.#parts.clock.sleep(lookMs).then(() => {
        this.#isLooking = false;
        this.#goOn();
      });
      return;
    }
    this.#looks = 0;
    this.#begin();
    for (let gone = Math.min(this.#group, this.#waiting.length); gone > 0; gone--) this.#waiting.shift()!();
  }
}
