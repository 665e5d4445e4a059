/** A drain's counts as parts of one bar: every line since it was created is in one of them. */
import type { Drain } from "../api-types.ts";

type Part = {
  readonly name: string;
  readonly lines: number;
  readonly colour: string;
  /** The notices in the app's log that report them. */
  readonly notice?: string;
};

export const partsOf = (drain: Drain): readonly Part[] => [
  { name: "delivered", lines: drain.delivered, colour: "ok" },
  { name: "filtered", lines: drain.filtered, colour: "quiet" },
  { name: "refused", lines: drain.refused, colour: "err", notice: "L13" },
  { name: "lost", lines: drain.lost, colour: "lost", notice: "L10" },
  { name: "waiting", lines: drain.lag_lines, colour: "warn" },
];

export const totalOf = (drain: Drain): number => partsOf(drain).reduce((sum, { lines }) => sum + lines, 0);

/** Shares of the bar in percent: every part that is not empty is visible, and they add up to 100. */
export function sharesOf(parts: readonly Part[], leastPercent = 1): readonly number[] {
  const total = parts.reduce((sum, { lines }) => sum + lines, 0);
  if (total === 0) return parts.map(() => 0);
  const raised = parts.map(({ lines }) => (lines === 0 ? 0 : Math.max(leastPercent, (100 * lines) / total)));
  const sum = raised.reduce((all, share) => all + share, 0);
  return raised.map((share) => (100 * share) / sum);
}
