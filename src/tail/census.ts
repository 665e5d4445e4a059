/** Counts the lines of a history that is read forward, for a reader who asked how much of the log was looked at. */
import type { StoredBatch } from "../core/batch/batch.ts";
import type { Clock } from "../ports.ts";
import { tickMs } from "../ticking.ts";
import { searchedPart, type TailPart } from "./tail-part.ts";

export class Census {
  readonly #clock: Clock;
  /** The history ends before this line. */
  readonly #endLine: number;
  #lines = 0;
  #matches = 0;
  #sinceMs: number | undefined;
  #sentMs: number;
  #isOver = false;

  constructor(clock: Clock, endLine: number) {
    this.#clock = clock;
    this.#endLine = endLine;
    this.#sentMs = clock.monotonicMs();
  }

  /**
   * Counts `lines` of `batch` as looked at, and `matches` of them as passed. Returns the part to tell the reader, if
   * any.
   */
  add(batch: StoredBatch, lines: number, matches: number): TailPart | undefined {
    if (this.#isOver) return undefined;
    this.#lines += lines;
    this.#matches += matches;
    this.#sinceMs ??= batch.acceptedAtMs;
    if (batch.line + batch.count >= this.#endLine) return this.end();
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#sentMs < tickMs) return undefined;
    this.#sentMs = nowMs;
    return this.#part(null);
  }

  /** Call when everything was looked at. Returns the part to tell the reader, once. */
  end(): TailPart | undefined {
    if (this.#isOver) return undefined;
    this.#isOver = true;
    return this.#part("all");
  }

  #part(end: null | "all"): TailPart {
    return searchedPart({ lines: this.#lines, sinceMs: this.#sinceMs, matches: this.#matches, end });
  }
}
