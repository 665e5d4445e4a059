/** Lines a second, decayed over a minute: one number and a time, changed when lines pass and at no other time. */

export type Rate = { readonly perSecond: number; readonly atMs: number };

/** Lines that passed so long ago count a third (1/e) of lines that pass now. */
const decayMs = 60_000;

/** The rate after `lines` more passed at `nowMs`. */
export const rateAfter = (rate: Rate | undefined, lines: number, nowMs: number): Rate => ({
  perSecond: rateAt(rate, nowMs) + (lines * 1000) / decayMs,
  atMs: nowMs,
});

/** The rate as it is at `nowMs`; 0 when nothing ever passed. */
export function rateAt(rate: Rate | undefined, nowMs: number): number {
  if (rate === undefined) return 0;
  return rate.perSecond * Math.exp(-Math.max(0, nowMs - rate.atMs) / decayMs);
}
