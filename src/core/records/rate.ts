/** Lines a second over about the last minute: one number and a time, changed when lines pass and at no other time. */

export type Rate = { readonly perSecond: number; readonly atMs: number };

/** Lines that passed weigh less with their age; behind so long a silence they are nothing. */
const decayMs = 60_000;

/** The rate after `lines` more passed at `nowMs`. */
export const rateAfter = (rate: Rate | undefined, lines: number, nowMs: number): Rate => ({
  perSecond: rateAt(rate, nowMs) + (lines * 1000) / decayMs,
  atMs: nowMs,
});

/** The rate as it is at `nowMs`; 0 when nothing passed for a minute, or ever. */
export function rateAt(rate: Rate | undefined, nowMs: number): number {
  if (rate === undefined) return 0;
  const silentMs = Math.max(0, nowMs - rate.atMs);
  return rate.perSecond * Math.max(0, 1 - silentMs / decayMs);
}
