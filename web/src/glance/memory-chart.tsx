/** The memory of an app's dynos, with their quota. */
import { Chart, type Series } from "../parts/chart.tsx";
import type { ChartEvent } from "../parts/chart-axes.ts";
import { heldOver } from "../parts/gaps.ts";
import { Keys } from "../parts/panels.tsx";
import { countOf } from "../parts/words.ts";
import type { DynoMemory } from "./glance.ts";

/** Dynos report their memory about every 20 s: in between, the last value counts, and a dyno that has gone has none. */
const heldMs = 60_000;
/** Sorts `web.2` before `web.10`. */
const byName = new Intl.Collator("en", { numeric: true });
const hues = ["--p1", "--p2", "--p3", "--p4", "--p5", "--p6"] as const;

type Props = {
  readonly events: readonly ChartEvent[];
  readonly memory: ReadonlyMap<string, DynoMemory>;
  readonly timesMs: readonly number[];
  readonly stepMs: number;
  readonly onBrush: (fromMs: number, toMs: number) => void;
};

export function MemoryChart({ memory, events, timesMs, stepMs, onBrush }: Props) {
  const most = (of: DynoMemory) => Math.max(...of.mb.values());
  const byNeed = [...memory].sort(([, a], [, b]) => most(b) - most(a));
  const dynos = byNeed.slice(0, hues.length).sort(([a], [b]) => byName.compare(a, b));
  const others = memory.size - dynos.length;
  const quota = Math.max(0, ...dynos.map(([, { quotaMb }]) => quotaMb ?? 0));
  const series: Series[] = dynos.map(([name, { mb }], n) => ({
    name,
    colour: hues[n]!,
    kind: "line",
    values: heldOver(
      timesMs.map((ms) => mb.get(ms) ?? null),
      Math.ceil(heldMs / stepMs),
    ),
  }));
  if (quota > 0)
    series.push({
      name: "limit",
      colour: "--fill-err",
      kind: "line",
      dashed: true,
      values: timesMs.map(() => quota),
    });
  return (
    <>
      <Chart
        title="memory of dynos in MB"
        timesMs={timesMs}
        stepMs={stepMs}
        series={series}
        height={150}
        zone="local"
        events={events}
        format={(mb) => `${countOf(mb)} MB`}
        onBrush={onBrush}
      />
      <Keys
        of={[
          ...dynos.map(([name], n) => [name, hues[n]!.slice(2)] as const),
          ...(quota > 0 ? [["limit", "err"] as const] : []),
        ]}
      />
      {others > 0 && (
        <p class="mute">
          {others === 1 ? "One more process needs" : `${countOf(others)} more processes need`} less than
          these.
        </p>
      )}
    </>
  );
}
