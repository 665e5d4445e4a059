/** Lines over time by severity, above the list. A stretch that is picked shows its lines. */
import { useMemo } from "preact/hooks";
import { Chart, type Series } from "../parts/chart.tsx";
import { linesOf, type Zone } from "../parts/words.ts";
import type { LogStore } from "./log-store.ts";

type Props = {
  readonly store: LogStore;
  readonly zone: Zone;
  readonly onBrush: (fromMs: number, toMs: number) => void;
};

export function HistogramChart({ store, zone, onBrush }: Props) {
  const { version } = store.state;
  const shown = Math.floor(version / 5); // twice a second is enough
  const { timesMs, series, step } = useMemo(() => {
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
      step: store.histogram.stepMs / 1000,
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
        title={`lines by severity in steps of ${step} s`}
        timesMs={timesMs}
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
