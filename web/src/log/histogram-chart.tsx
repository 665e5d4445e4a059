/** Lines over time by severity, above the list. Selecting a stretch shows its lines. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { Chart, type Series } from "../parts/chart.tsx";
import { linesOf, type Zone } from "../parts/words.ts";
import { spans, type TimeStretch } from "../route.ts";
import { momentOf } from "./filter.ts";
import type { LogStore } from "./log-store.ts";
import { pickedOf } from "./picked.ts";
import { useCounts } from "./use-counts.ts";

type Props = {
  readonly store: LogStore;
  readonly zone: Zone;
  readonly span: string | undefined;
  readonly onSpan: (span: string | undefined) => void;
  /** In whole steps. */
  readonly onPick: (stretch: TimeStretch) => void;
};

const drawEveryMs = 500;

/** The value as of at most half a second ago; the latest value is always shown soon. */
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

export function HistogramChart({ store, zone, span, onSpan, onPick }: Props) {
  useCounts(store, span);
  const { counts } = store;
  const shown = useUnhurried(counts.version);
  const { bins, stepMs, timesMs, series, total } = useMemo(() => {
    const { stepMs, bins: all } = counts.bins();
    const { until } = store.filter;
    const endMs = until === undefined ? Number.POSITIVE_INFINITY : momentOf(until, Date.now());
    const bins = all.filter(({ startMs }) => startMs <= endMs);
    const sums = bins.map(({ counts: of }) => of.error + of.warn + of.info + of.debug);
    // Drawn over each other: all lines, then at least warnings, then errors.
    const bars = (name: string, colour: string, values: number[]): Series => ({
      name,
      colour,
      kind: "bars",
      values,
    });
    return {
      bins,
      stepMs,
      timesMs: bins.map(({ startMs }) => startMs),
      total: sums.reduce((all, sum) => all + sum, 0),
      series: [
        bars("lines", "--bars", sums),
        bars(
          "warnings and errors",
          "--fill-warn",
          bins.map(({ counts: of }) => of.error + of.warn),
        ),
        bars(
          "errors",
          "--fill-err",
          bins.map(({ counts: of }) => of.error),
        ),
      ],
    };
  }, [counts, shown]);
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
        onBrush={(fromMs, toMs) => {
          const picked = pickedOf(bins, stepMs, fromMs, toMs);
          if (picked !== undefined) onPick({ fromMs: picked.fromMs, toMs: picked.toMs });
        }}
      />
      <p class="histogram-of">
        <span class="mute" role="status">
          {linesOf(total)}
          {counts.isGrowing ? ", counting" : counts.hasHistogram ? "" : " here"}
        </span>
        {store.filter.since === undefined ? (
          <select
            aria-label="span of the histogram"
            value={span ?? ""}
            onChange={(event) => onSpan(event.currentTarget.value || undefined)}
          >
            <option value="">all that is kept</option>
            {spans.map((one) => (
              <option key={one} value={one}>
                last {one}
              </option>
            ))}
          </select>
        ) : (
          <span class="mute">since the filter’s time</span>
        )}
      </p>
    </div>
  );
}
