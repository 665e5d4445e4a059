/** A chart over time: uPlot draws it, a hidden table says the same in words, and a stretch of it can be selected. */
import { useEffect, useMemo, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { type ChartEvent, drawEvents, incrs, timesIn, valueIncrs } from "./chart-axes.ts";
import { ChartTable } from "./chart-table.tsx";
import { lonePlaces, withGaps } from "./gaps.ts";
import { timeSpanOf } from "./time-span.ts";
import type { Zone } from "./words.ts";

export type Series = {
  readonly name: string;
  /** A custom property of the style: `--err`. */
  readonly colour: string;
  readonly kind: "bars" | "line" | "area";
  /** One per time; null if unknown. */
  readonly values: readonly (number | null)[];
  readonly dashed?: boolean;
  /** The values for the table, if what is drawn are sums. */
  readonly tableValues?: readonly number[];
};

type Props = {
  readonly title: string;
  readonly timesMs: readonly number[];
  /** Each time is the start of a step of this length; undefined: it is a moment. */
  readonly stepMs?: number;
  /** Moments further apart than this have a gap between them. */
  readonly gapMsMax?: number;
  readonly series: readonly Series[];
  readonly height: number;
  readonly zone: Zone;
  readonly format: (value: number) => string;
  /** A strip without axes. */
  readonly isBare?: boolean;
  readonly max?: number;
  /** The smallest step of the axis of values: 1 for counts. */
  readonly leastStep?: number;
  /** Events during that time, each as a line across. */
  readonly events?: readonly ChartEvent[];
  readonly onBrush?: ((fromMs: number, toMs: number) => void) | undefined;
};

export function Chart(given: Props) {
  const { timesMs, series } = useMemo(
    () => withGaps(given.timesMs, given.series, given.gapMsMax),
    [given.timesMs, given.series, given.gapMsMax],
  );
  const props = { ...given, timesMs, series };
  const { title, height, zone, format, isBare = false, onBrush } = props;
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const now = useRef(props);
  now.current = props;
  const shape = JSON.stringify([
    series.map(({ name, colour, kind }) => [name, colour, kind]),
    height,
    zone,
    isBare,
  ]);

  useEffect(() => {
    const element = box.current;
    if (element === null) return; // it left the page before it was drawn
    const make = () => {
      if (!element.isConnected) return;
      plot.current?.destroy();
      plot.current = new uPlot(optionsOf(now, element), dataOf(now.current), element);
    };
    make();
    const resized = new ResizeObserver(() => {
      const width = element.clientWidth;
      if (width > 0 && width !== plot.current?.width) plot.current?.setSize({ width, height });
    });
    resized.observe(element);
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    scheme.addEventListener("change", make);
    return () => {
      resized.disconnect();
      scheme.removeEventListener("change", make);
      plot.current?.destroy();
      plot.current = undefined;
    };
  }, [shape]);
  useEffect(() => plot.current?.setData(dataOf(props)), [timesMs, series]);

  return (
    <figure class="chart">
      <div
        ref={box}
        class={`plot${onBrush ? " brushable" : ""}`}
        aria-hidden="true"
        style={{ height: `${height}px` }}
      />
      <ChartTable title={title} timesMs={timesMs} series={series} zone={zone} format={format} />
    </figure>
  );
}

const dataOf = ({ timesMs, series }: Props): uPlot.AlignedData =>
  [timesMs.map((ms) => ms / 1000), ...series.map(({ values }) => values)] as unknown as uPlot.AlignedData;

function optionsOf(now: { current: Props }, box: HTMLElement): uPlot.Options {
  const { series, height, zone, format, isBare = false, onBrush, leastStep = 1 } = now.current;
  const style = getComputedStyle(box);
  const colourOf = (name: string) => style.getPropertyValue(name).trim();
  const axis = {
    stroke: colourOf("--faint"),
    grid: { stroke: colourOf("--line"), width: 1 },
    ticks: { show: false },
    font: "11px system-ui, sans-serif",
  };
  return {
    width: Math.max(50, box.clientWidth),
    height,
    legend: { show: false },
    padding: isBare ? [2, 0, 0, 0] : [8, 4, 0, 0],
    ...(zone === "utc" && { tzDate: (s: number) => uPlot.tzDate(new Date(s * 1000), "UTC") }),
    cursor: {
      show: true,
      y: false,
      points: { show: false },
      drag: { x: onBrush !== undefined, y: false, setScale: false },
    },
    scales: {
      x: {
        time: true,
        range: (_, min, max) => {
          const [from, to] = timeSpanOf(now.current.timesMs, now.current.stepMs) ?? [min, max];
          return [from, to];
        },
      },
      y: { range: (_, __, max) => [0, Math.max(leastStep, now.current.max ?? 0, max) * 1.05] },
    },
    axes: isBare
      ? [
          { ...axis, size: 16, gap: 2, space: 90, grid: { show: false }, values: timesIn(zone), incrs },
          { show: false },
        ]
      : [
          { ...axis, size: 24, space: 70, grid: { show: false }, values: timesIn(zone), incrs },
          {
            ...axis,
            size: 56,
            space: height < 100 ? 18 : 28,
            incrs: valueIncrs.filter((step) => step >= leastStep),
            values: (_, splits) => splits.map(format),
          },
        ],
    series: [
      {},
      ...series.map((one): uPlot.Series => {
        const colour = colourOf(one.colour);
        if (one.kind === "bars")
          return {
            fill: colour,
            stroke: colour,
            width: 0,
            points: { show: false },
            paths: uPlot.paths.bars!({ size: [0.85, 40], align: 1 }),
          };
        return {
          stroke: colour,
          width: 1.5,
          spanGaps: false,
          points: {
            show: false,
            size: 5,
            width: 0,
            fill: colour,
            filter: (plot, of) => lonePlaces(plot.data[of] as (number | null)[]),
          },
          ...(one.kind === "area" && { fill: `${colour}22` }),
          ...(one.dashed && { dash: [4, 4] }),
        };
      }),
    ],
    hooks: {
      draw: [(plot) => drawEvents(plot, now.current.events ?? [], colourOf)],
      setSelect: [
        (plot) => {
          const { left, width } = plot.select;
          if (width < 4) return;
          const [from, to] = [plot.posToVal(left, "x"), plot.posToVal(left + width, "x")];
          plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          now.current.onBrush?.(from * 1000, to * 1000);
        },
      ],
    },
  };
}
