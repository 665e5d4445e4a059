/**
 * A time span that was selected, or that a link leads to: its lines are opened where the histogram says that they are.
 */
import { useEffect, useState } from "preact/hooks";
import type { TimeStretch } from "../route.ts";
import type { LogStore } from "./log-store.ts";
import { type Picked, pickedOf } from "./picked.ts";

/** A number that no line has. */
const noEnd = Number.MAX_SAFE_INTEGER;

export function useStretch(store: LogStore, stretch: TimeStretch | undefined): Picked | undefined {
  const [picked, setPicked] = useState<Picked | undefined>(undefined);
  const { counts } = store;
  // Counting starts at the newest lines, and must have come this far.
  const isReady =
    stretch !== undefined &&
    counts.hasHistogram &&
    (!counts.isGrowing || (counts.bins().bins[0]?.startMs ?? noEnd) <= stretch.fromMs);
  const wanted = stretch === undefined ? "" : `${stretch.fromMs} ${stretch.toMs}`;
  useEffect(() => {
    if (stretch === undefined) return setPicked(undefined);
    if (!isReady) return;
    const { bins, stepMs } = counts.bins();
    const found = pickedOf(bins, stepMs, stretch.fromMs, stretch.toMs);
    const from = found?.from ?? ({ kind: "time", timeMs: stretch.fromMs } as const);
    setPicked({ lines: 0, from, ...found, ...stretch, endLine: found?.endLine });
    // Lines that come after the selection are not part of the stretch.
    const newest = store.newest?.number;
    store.openStretch({ from, endLine: found?.endLine ?? (newest === undefined ? noEnd : newest + 1) });
  }, [store, wanted, isReady]);
  return picked;
}
