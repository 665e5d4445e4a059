/** The node over time: lines that come in and go out, and how many wait. */

import { Chart, type Series } from "../parts/chart.tsx";
import { Keys, Panel } from "../parts/panels.tsx";
import { countOf, rateOf } from "../parts/words.ts";
import type { Pace } from "./figures.ts";

/** The time between two readings. */
export const everyMs = 3_000;
/** Nothing is fetched while the page is hidden, so what happened in between is unknown. */
const gapMsMax = 4 * everyMs;
const height = 140;

export function NodeCharts({ paces }: { paces: readonly Pace[] }) {
  const timesMs = paces.map(({ atMs }) => atMs);
  const line = (name: string, colour: string, kind: Series["kind"], of: (pace: Pace) => number): Series => ({
    name,
    colour,
    kind,
    values: paces.map(of),
  });
  const shared = { timesMs, height, gapMsMax, zone: "local" } as const;
  const isEmpty = paces.length < 2;
  const empty = "The first figures are there in a few seconds.";
  return (
    <div class="charts">
      <Panel title="Lines a second, since this page is open" isEmpty={isEmpty} empty={empty}>
        <Chart
          {...shared}
          title="lines accepted and delivered a second, since this page is open"
          series={[
            line("accepted", "--fill-accent", "area", ({ accepted }) => accepted),
            line("delivered", "--fill-ok", "line", ({ delivered }) => delivered),
          ]}
          leastStep={0.1}
          format={rateOf}
        />
        <Keys
          of={[
            ["accepted", "accent"],
            ["delivered", "ok"],
          ]}
        />
      </Panel>
      <Panel title="Lag: lines waiting for drains" isEmpty={isEmpty} empty={empty}>
        <Chart
          {...shared}
          title="lines waiting for drains, since this page is open"
          series={[line("waiting", "--fill-warn", "area", ({ waiting }) => waiting)]}
          format={countOf}
        />
        <Keys of={[["waiting", "warn"]]} />
      </Panel>
    </div>
  );
}
