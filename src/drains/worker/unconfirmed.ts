/**
 * Lines that count as delivered and are not old enough to be sure of: the last second of deliveries and the second
 * before. A connection that breaks brings them back. They are kept as places in the log, not as lines, so what is kept
 * does not grow with them.
 */
import type { Stretch } from "../../registry/drain-checkpoint.ts";

/** Deliveries are told apart by spans of so long; the newest span and the one before it are unconfirmed. */
const spanMs = 1_000;
/** Stretches kept apart, at most: beyond that the two that lie closest become one, with the lines between. */
const stretchesMax = 4;

/** The last deliveries. */
export type Recent = {
  readonly newest: readonly Stretch[];
  /** When the newest span began. */
  readonly sinceMs: number;
  /** The span before, when the newest followed on it. */
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
 * `stretch` was delivered at `nowMs` of a clock that only goes forward. Stretches may come in any order, since some are
 * sent once more.
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

/** All that a break brings back. */
export const unconfirmedOf = ({ newest, older }: Recent): readonly Stretch[] => union(newest, older);

/** The lines of both, in order and disjoint. */
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

// Lines of a replay count in no stretch: were they in one with others, some of those others would be taken for them.
const areAlike = (one: Stretch, other: Stretch): boolean => one.counted > 0 === other.counted > 0;

// Two stretches that touch: what is in both is in the second, which reaches as far as either.
function sideBySide(first: Stretch, second: Stretch): readonly Stretch[] {
  const rest = { ...second, endLine: Math.max(first.endLine, second.endLine) };
  return second.line > first.line ? [{ ...first, endLine: second.line }, rest] : [rest];
}

// One stretch from the beginning of `first` to the end of both. Lines that are in both count once.
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
