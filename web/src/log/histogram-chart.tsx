/** Lines over time by severity, above the list. A stretch that is picked shows its lines. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { Chart, type Series } from "../parts/chart.tsx";
import { linesOf, type Zone } from "../parts/words.ts";
import type { LogStore } from "./log-store.ts";

type Props = {
  readonly store: LogStore;
  readonly zone: Zone;
  readonly onBrush: (fromMs: number, toMs: number) => void;
};

const drawEveryMs = 500;

/** The value as it was at most half a second ago: what came last is always shown, soon after. */
function useUnhurried<T>(value: T): T {
  const [shown, setShown] = useState(value);
  const newest = useRef(value);
  newest.current = value;
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => {
    if (value === shown) return;
    timer.current ??= setTimeout(() => {
      timer.current = undefined;
      setShown(newest.current);
    }, drawEveryMs);
  }, [value]);
  useEffect(() => () => clearTimeout(timer.current), []);
  return shown;
}

export function HistogramChart({ store, zone, onBrush }: Props) {
  const shown = useUnhurried(store.state.version);
  const { timesMs, series, stepMs } = useMemo(() => {
    const bins = store.histogram.bins();
    // Drawn over one another: all, then what is at least a warning, then errors.
    const bars = (name: string, colour: string, values: number[]): Series => ({
      name,
      colour,
      kind: "bars",
      values,
    });
    return {
      timesMs: bins.map(({ startMs }) => startMs),
      stepMs: store.histogram.stepMs,
      series: [
        bars(
          "lines",
          "--bars",
          bins.map(({ counts }) => counts.error + counts.warn + counts.info + counts.debug),
        ),
        bars(
          "warnings and errors",
          "--fill-warn",
          bins.map(({ counts }) => counts.error + counts.warn),
        ),
        bars(
          "errors",
          "--fill-err",
          bins.map(({ counts }) => counts.error),
        ),
      ],
    };
  }, [store, shown, store.ring.count === 0]);
  return (
    <div class="histogram">
      <Chart
        title={`lines by severity in steps of ${stepMs / 1000} s`}
        timesMs={timesMs}
        stepMs={stepMs}
        series={series}
        height={54}
        zone={zone}
        format={linesOf}
        isBare
        onBrush={onBrush}
      />
    </div>
  );
}
