/**
 * Lines that count as delivered, but too recently to be sure: those of the newest second of deliveries and of the
 * second before. A break of the connection brings them back. They are kept as places in the log, so that memory does
 * not grow with the lines.
 */
import type { Stretch } from "../../../registry/drain-checkpoint.ts";

/** Deliveries are grouped in spans of this length; the newest span and the one before it are unconfirmed. */
const spanMs = 1_000;
/**
 * The most stretches that are kept apart: beyond that, the two closest become one, including the lines between them.
 */
const stretchesMax = 4;

/** The latest deliveries. */
export type Recent = {
  readonly newest: readonly Stretch[];
  /** When the newest span began. */
  readonly sinceMs: number;
  /** The span before, if the newest followed directly. */
  readonly older: readonly Stretch[];
  readonly lastAtMs: number;
};

export const nothingRecent: Recent = {
  newest: [],
  sinceMs: Number.NEGATIVE_INFINITY,
  older: [],
  lastAtMs: Number.NEGATIVE_INFINITY,
};

/**
 * `stretch` was delivered at `nowMs` of a monotonic clock. Stretches may come in any order, since some are sent again.
 */
export function withDelivered(recent: Recent, stretch: Stretch, nowMs: number): Recent {
  const { newest, sinceMs, older, lastAtMs } = recent;
  if (nowMs - sinceMs <= spanMs) {
    const [only] = newest;
    const follows = newest.length === 1 && stretch.line === only!.endLine && areAlike(only!, stretch);
    const all = follows ? [joined(only!, stretch)] : union(newest, [stretch]);
    return { newest: all, sinceMs, older, lastAtMs: nowMs };
  }
  return {
    newest: [stretch],
    sinceMs: nowMs,
    older: nowMs - lastAtMs > spanMs ? [] : newest,
    lastAtMs: nowMs,
  };
}

/** Everything that a break brings back. */
export const unconfirmedOf = ({ newest, older }: Recent): readonly Stretch[] => union(newest, older);

/** The lines of both, sorted and disjoint. */
export function union(one: readonly Stretch[], other: readonly Stretch[]): readonly Stretch[] {
  const all = [...one, ...other].sort((a, b) => a.line - b.line);
  const apart: Stretch[] = [];
  for (const stretch of all) {
    const before = apart.at(-1);
    if (before === undefined || stretch.line > before.endLine) apart.push(stretch);
    else if (areAlike(before, stretch) || (before.counted > 0 && stretch.line < before.endLine))
      apart[apart.length - 1] = joined(before, stretch);
    else apart.splice(-1, 1, ...sideBySide(before, stretch));
  }
  while (apart.length > stretchesMax) {
    const at = closest(apart);
    apart.splice(at, 2, joined(apart[at]!, apart[at + 1]!));
  }
  return apart;
}

// Lines of a replay are never counted: merged with counted ones, they would be mistaken for those.
const areAlike = (one: Stretch, other: Stretch): boolean => one.counted > 0 === other.counted > 0;

// Splits two stretches that touch: what is in both goes to the second, which reaches as far as either.
function sideBySide(first: Stretch, second: Stretch): readonly Stretch[] {
  const rest = { ...second, endLine: Math.max(first.endLine, second.endLine) };
  return second.line > first.line ? [{ ...first, endLine: second.line }, rest] : [rest];
}

// One stretch from the beginning of `first` to the end of both. Lines in both count once.
function joined(first: Stretch, second: Stretch): Stretch {
  const { position, line } = first;
  const overlap = Math.max(0, Math.min(first.endLine, second.endLine) - second.line);
  const counted = first.counted + Math.max(0, second.counted - overlap);
  const endLine = Math.max(first.endLine, second.endLine);
  return { position, line, endLine, counted: Math.max(counted, second.counted) };
}

function closest(apart: readonly Stretch[]): number {
  let best = 0;
  const gap = (at: number) => apart[at + 1]!.line - apart[at]!.endLine;
  for (let at = 1; at < apart.length - 1; at++) if (gap(at) < gap(best)) best = at;
  return best;
}
