/** Which of the apps are drawn: thousands of rows would hold up the tab for seconds at each change. */
import type { App } from "../api-types.ts";

/** More are found by a part of their names. */
export const shownMax = 200;

export type FoundApps = {
  readonly shown: readonly App[];
  /** How many more there are. */
  readonly left: number;
};

/** Those whose names have `wanted` in them; of too many the first ones and, if it is among them, the one that is open. */
export function foundApps(all: readonly App[], wanted: string, open: string | undefined): FoundApps {
  const found = all.filter(({ name }) => name.includes(wanted));
  const shown = found.slice(0, shownMax);
  const further = found.slice(shownMax).find(({ name }) => name === open);
  if (further !== undefined) shown.push(further);
  return { shown, left: found.length - shown.length };
}
