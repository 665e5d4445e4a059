/**
 * What was delivered last, with the second before: what a connection that breaks brings into doubt. Two places and a
 * line are enough to keep, since deliveries are told apart by spans of a second.
 */
import type { Position } from "../core/position.ts";

const spanMs = 1_000;

/** The lines from `line`, at `position`, up to `endLine`; `counted` of them are counted as delivered since. */
export type Stretch = {
  readonly position: Position;
  readonly line: number;
  readonly endLine: number;
  readonly counted: number;
};

type Span = Stretch & { readonly atMs: number };

export class RecentStretch {
  /** The span before, when the newest followed on it. */
  #older: Span | undefined;
  #newest: Span | undefined;
  #lastAtMs = 0;

  /** Delivered at `nowMs` of a clock that only goes forward; stretches may come in any order, since some are sent once more. */
  note(stretch: Stretch, nowMs: number): void {
    const newest = this.#newest;
    if (newest === undefined || nowMs - newest.atMs > spanMs) {
      this.#older = nowMs - this.#lastAtMs > spanMs ? undefined : newest;
      this.#newest = { ...stretch, atMs: nowMs };
    } else this.#newest = { ...unionOf(newest, stretch), atMs: newest.atMs };
    this.#lastAtMs = nowMs;
  }

  /** One stretch with all of it; nothing from then on. Undefined when nothing was delivered. */
  take(): Stretch | undefined {
    const [older, newest] = [this.#older, this.#newest];
    this.#older = undefined;
    this.#newest = undefined;
    return newest && unionOf(newest, older);
  }
}

/** One stretch with all of both. */
export function unionOf(one: Stretch, other: Stretch | undefined): Stretch {
  if (other === undefined) return one;
  const { position, line } = one.line < other.line ? one : other;
  const endLine = Math.max(one.endLine, other.endLine);
  return { position, line, endLine, counted: Math.min(one.counted + other.counted, endLine - line) };
}
