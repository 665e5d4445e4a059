/**
 * Takes turns between connections that bring more than one read at a time. One of them is read until it is empty or
 * has used up its share, and only then the next one: its lines then make a few large batches, where single reads in
 * turn would make many small ones. The bytes of waiting connections stay in the kernel. Addresses take turns, and so
 * do the connections of one address. A connection that brings little is read as its bytes arrive.
 */
import { FairLine } from "../../core/scheduling/fair-line.ts";
import type { Clock } from "../../ports.ts";
import { turnMsMax } from "../../turns.ts";

/**
 * In each turn of the event loop, reads get `turnMsMax`, or half of the time that everything else took in the last
 * turn, up to this.
 */
const burstMsMax = 5;
/** The last read of a turn may overrun by this factor, so that it is taken whole. */
const lateFactor = 1.25;
/** Each byte of TLS counts for so long: twice what it takes on an idle machine. */
const decryptingMs = 2e-6;
/** The most connections to read in one turn of the event loop, when none of them brings much. */
const groupMax = 16;
/**
 * While more bytes of lines than this wait for the log, reading is held back: one connection goes on after every
 * `looksMax` looks, `lookMs` apart.
 */
const waitingBytesMax = 4 * 1024 * 1024;
const looksMax = 5;
const lookMs = 1;

type BurstsParts = {
  /** Bytes of lines that were not stored yet. */
  readonly waitingBytes: () => number;
  readonly clock: Pick<Clock, "sleep">;
  /** A monotonic clock. */
  readonly nowMs: () => number;
  /** Runs a function once everything that can be read now was read. */
  readonly defer: (run: () => void) => void;
};

export class Bursts {
  readonly #parts: BurstsParts;
  readonly #waiting = new FairLine<() => void>();
  /** True while `#end` is scheduled for this turn of the event loop. */
  #isEndScheduled = false;
  /**
   * `#readAtMs`: when the current read began; undefined while it is a small one. `#readingMs`: time of the reads
   * before it in this turn.
   */
  #readAtMs: number | undefined;
  #readingMs = 0;
  #readingMsMax = turnMsMax;
  /** When the last turn ended; NaN unless connections were waiting then. */
  #endMs = Number.NaN;
  /** The number of connections that may go on after this turn. */
  #group = 1;
  /** The number of turns that have ended in which somebody was read. */
  turn = 0;
  /** Looks in a row that found too many lines waiting. */
  #looks = 0;
  #isLooking = false;

  constructor(parts: Partial<BurstsParts> & Pick<BurstsParts, "waitingBytes" | "clock">) {
    this.#parts = { nowMs: () => performance.now(), defer: setImmediate, ...parts };
  }

  /** True when connections are waiting for their turn. */
  get isCrowded(): boolean {
    return this.#waiting.length > 0;
  }

  /**
   * The current read turns out to be more than a small one. `secured`: bytes that came over TLS, which Node decrypted
   * before.
   */
  began(secured = 0): void {
    this.#begin();
    this.#readingMs += secured * decryptingMs;
    this.#readAtMs = this.#parts.nowMs();
  }

  /**
   * True when the current read, which is more than a small one, should continue in a later turn of the event loop.
   */
  get isLate(): boolean {
    if (this.#readAtMs === undefined) this.began();
    return this.#readingMs + this.#parts.nowMs() - this.#readAtMs! >= lateFactor * this.#readingMsMax;
  }

  /** The current read is done, or has to wait. */
  took(): void {
    if (this.#readAtMs === undefined) return;
    this.#readingMs += this.#parts.nowMs() - this.#readAtMs;
    this.#readAtMs = undefined;
  }

  /** True when a connection that has more to read should wait for a later turn. */
  get isOver(): boolean {
    return this.#readingMs >= this.#readingMsMax;
  }

  /** Resolves when the caller may read on. */
  next(address: string): Promise<void> {
    this.#begin();
    return new Promise((resolve) => this.#waiting.push(address, resolve));
  }

  #begin(): void {
    if (this.#isEndScheduled) return;
    this.#isEndScheduled = true;
    this.#parts.defer(this.#end);
  }

  readonly #end = (): void => {
    const nowMs = this.#parts.nowMs();
    const othersMs = nowMs - this.#endMs - this.#readingMs;
    this.#group = this.#readingMs < this.#readingMsMax / 4 ? Math.min(2 * this.#group, groupMax) : 1;
    this.#readingMsMax = othersMs > 0 ? Math.min(burstMsMax, Math.max(turnMsMax, othersMs / 2)) : turnMsMax;
    this.#readingMs = 0;
    this.turn++;
    this.#isEndScheduled = false;
    this.#endMs = this.#waiting.length > 0 ? nowMs : Number.NaN;
    if (!this.#isLooking) this.#goOn();
  };

  #goOn(): void {
    if (this.#waiting.length === 0) return;
    if (this.#parts.waitingBytes() > waitingBytesMax && this.#looks++ < looksMax) {
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
