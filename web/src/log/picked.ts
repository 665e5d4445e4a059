/** A stretch that was selected in the histogram, and where its lines are. */
import type { CountedBin } from "./log-counts.ts";

/** Lines from a place or a time up to a line number. */
export type Stretch = {
  readonly from:
    | { readonly kind: "place"; readonly position: string }
    | { readonly kind: "time"; readonly timeMs: number };
  readonly endLine: number;
};

export type Picked = {
  /** In whole steps. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly lines: number;
  readonly from: Stretch["from"];
  /** All of its lines have lower numbers; undefined if it includes the newest lines. */
  readonly endLine: number | undefined;
};

/** The steps that a time span touches; undefined if there are none. */
export function pickedOf(
  bins: readonly CountedBin[],
  stepMs: number,
  fromMs: number,
  toMs: number,
): Picked | undefined {
  const touched = bins.filter(({ startMs }) => startMs < toMs && startMs + stepMs > fromMs);
  const [first, last] = [touched[0], touched.at(-1)];
  if (first === undefined || last === undefined) return undefined;
  const filled = touched.filter(({ counts }) => sumOf(counts) > 0);
  const extents = filled.flatMap(({ extent }) => extent ?? []);
  // Lines that came after the server counted have no place, because it is not known yet where they end.
  const isCounted = extents.length === filled.length && extents.length > 0;
  const start = extents.reduce(
    (least, one) => (one.firstLine < least.firstLine ? one : least),
    extents[0] ?? { firstLine: 0, position: undefined },
  );
  return {
    fromMs: first.startMs,
    toMs: last.startMs + stepMs,
    lines: filled.reduce((sum, { counts }) => sum + sumOf(counts), 0),
    from:
      start.position === undefined
        ? { kind: "time", timeMs: first.startMs }
        : { kind: "place", position: start.position },
    endLine: isCounted ? Math.max(...extents.map(({ endLine }) => endLine)) : undefined,
  };
}

const sumOf = (counts: CountedBin["counts"]): number =>
  counts.error + counts.warn + counts.info + counts.debug;
