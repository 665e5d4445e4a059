/** The text and lines of a chart: steps and labels of its axes, and events. */
import type uPlot from "uplot";
import { clockOf, dayOf, type Zone } from "./words.ts";

export type ChartEvent = { readonly timeMs: number; readonly name: string };

/** Steps of the axis of values: 1, 2 and 5 times a power of ten. */
export const valueIncrs = Array.from({ length: 14 }, (_, power) =>
  [1, 2, 5].map((digit) => digit * 10 ** (power - 2)),
).flat();

export function drawEvents(
  plot: uPlot,
  events: readonly ChartEvent[],
  colourOf: (name: string) => string,
): void {
  const { ctx } = plot;
  const { left, top, width, height } = plot.bbox;
  ctx.save();
  ctx.strokeStyle = ctx.fillStyle = colourOf("--mute");
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([3 * devicePixelRatio, 3 * devicePixelRatio]);
  ctx.font = `${11 * devicePixelRatio}px system-ui, sans-serif`;
  ctx.textAlign = "left";
  let endX = Number.NEGATIVE_INFINITY; // of the names so far: one that would overlap another is left out
  for (const { timeMs, name } of events) {
    const x = Math.round(plot.valToPos(timeMs / 1000, "x", true)) + 0.5; // sharp between two columns of pixels
    if (x < left || x > left + width) continue;
    ctx.beginPath();
    ctx.moveTo(x, top);
    ctx.lineTo(x, top + height);
    ctx.stroke();
    const nameWidth = ctx.measureText(name).width;
    const isRoom = x + nameWidth + 8 < left + width;
    const startX = isRoom ? x + 4 : x - 4 - nameWidth;
    if (startX < endX) continue;
    endX = startX + nameWidth + 4;
    ctx.fillText(name, startX, top + 9 * devicePixelRatio);
  }
  ctx.restore();
}

/** Steps of the time axis in seconds. */
export const incrs = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400,
];

/** Half the width of a label, in pixels per character. */
const halfCharPx = 3.2;

/** Labels of the axis, as long as their steps need; those that an edge of the chart would cut off are left out. */
export const timesIn =
  (zone: Zone) =>
  (plot: uPlot, splits: number[]): string[] => {
    const step = (splits[1] ?? 0) - (splits[0] ?? 0);
    const leftPx = plot.bbox.left / devicePixelRatio;
    return splits.map((s) => {
      const { time } = clockOf(s * 1000, zone);
      const label = step >= 86_400 ? dayOf(s * 1000, zone) : step < 60 ? time : time.slice(0, 5);
      const atPx = leftPx + plot.valToPos(s, "x");
      const halfPx = label.length * halfCharPx;
      return atPx < halfPx || atPx > plot.width - halfPx ? "" : label;
    });
  };
