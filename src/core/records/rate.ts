/** Lines per second over roughly the last minute: one number and a time, changed only when lines pass. */

export type Rate = { readonly perSecond: number; readonly atMs: number };

/** Lines weigh less as they age; after this long a silence they weigh nothing. */
const decayMs = 60_000;

/** The rate after another `lines` lines at `nowMs`. */
export const rateAfter = (rate: Rate | undefined, lines: number, nowMs: number): Rate => ({
  perSecond: rateAt(rate, nowMs) + (lines * 1000) / decayMs,
  atMs: nowMs,
});

/** The rate at `nowMs`; 0 if nothing has passed for a minute, or ever. */
export function rateAt(rate: Rate | undefined, nowMs: number): number {
  if (rate === undefined) return 0;
  const silentMs = Math.max(0, nowMs - rate.atMs);
  return rate.perSecond * Math.max(0, 1 - silentMs / decayMs);
}
