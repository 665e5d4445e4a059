/** An app at a glance: charts over one time line, each of which leads to its lines. */
import { useEffect, useMemo, useReducer, useState } from "preact/hooks";
import type { Filter } from "../log/filter.ts";
import { LogStream, type StreamState } from "../log/log-stream.ts";
import { withoutColours } from "../log/sgr.ts";
import type { Go } from "../page.tsx";
import { Chart, type ChartEvent, type Series } from "../parts/chart.tsx";
import { countOf, dayOf, linesOf, rateOf } from "../parts/words.ts";
import { hashOf, logOf } from "../route.ts";
import { type DynoMemory, Glance, percentileOf, type Step, statusClasses, sumOf } from "./glance.ts";

const spans = [
  ["15m", 900],
  ["1h", 3_600],
  ["6h", 21_600],
  ["24h", 86_400],
] as const;

const drawEveryMs = 1_000;

export function GlancePage({ app, go }: { app: string; go: Go }) {
  const [span, setSpan] = useState<(typeof spans)[number]>(spans[1]);
  const { glance, state, drawn } = useGlance(app, span);
  const steps = useMemo(() => glance.inOrder(), [glance, drawn]);
  const toLines = (filter: Filter) => (fromMs: number, toMs: number) =>
    go(logOf(app, filter, { stretch: { fromMs, toMs } }));
  const events = glance.releases.map(({ timeMs, text }) => ({
    timeMs,
    name: /\bv\d+\b/.exec(text)?.[0] ?? "deploy",
  }));
  const all = sumOf(steps);
  const timesMs = steps.map(({ startMs }) => startMs);
  const p95 = percentileOf(all, 0.95);
  const errors = steps.reduce((sum, one) => sum + one.errors, 0);
  return (
    <div class="glance scrolls">
      <div class="glance-head">
        <fieldset class="spans">
          <legend class="for-ears">time span</legend>
          {spans.map((one) => (
            <button
              key={one[0]}
              type="button"
              class="chip"
              aria-pressed={one === span}
              onClick={() => setSpan(one)}
            >
              {one[0]}
            </button>
          ))}
        </fieldset>
        <span class="mute" role="status">
          {state.kind === "live"
            ? `from ${linesOf(glance.lines)}`
            : state.kind === "connecting"
              ? "reading"
              : "the connection broke, trying again"}
        </span>
      </div>
      {glance.lines === 0 && state.kind === "live" && drawn > 1 && (
        <div class="empty">
          <h2>No line in the last {span[0]}</h2>
          <p>Charts are drawn from the app's own lines: those of the router, of its dynos, and errors.</p>
        </div>
      )}
      {glance.lines > 0 && (
        <>
          <div class="tiles">
            <Tile name="requests" value={countOf(glance.requests)} />
            <Tile name="half of them within" value={msOf(percentileOf(all, 0.5))} />
            <Tile name="95 % within" value={msOf(p95)} mark={p95 !== null && p95 > 1_000 ? "slow" : ""} />
            <Tile name="99 % within" value={msOf(percentileOf(all, 0.99))} />
            <Tile name="errors" value={countOf(errors)} mark={errors > 0 ? "bad" : ""} />
          </div>
          <div class="charts">
            <Panel title="Requests a second, by status" isEmpty={glance.requests === 0}>
              <Chart
                title="requests a second by status"
                timesMs={timesMs}
                stepMs={glance.stepMs}
                series={statusSeries(steps, glance.stepMs)}
                height={150}
                zone="local"
                events={events}
                leastStep={0.1}
                format={rateOf}
                onBrush={toLines({ sources: ["heroku"], dynos: ["router"] })}
              />
              <Keys
                of={[
                  ["2xx", "ok"],
                  ["3xx", "accent"],
                  ["4xx", "warn"],
                  ["5xx", "err"],
                ]}
              />
            </Panel>
            <Panel title="Service time" isEmpty={glance.requests === 0}>
              <Chart
                title="service time in ms"
                timesMs={timesMs}
                stepMs={glance.stepMs}
                series={[
                  line("p99", "--fill-err", steps, 0.99),
                  line("p95", "--fill-warn", steps, 0.95),
                  line("p50", "--fill-accent", steps, 0.5),
                ]}
                height={150}
                zone="local"
                events={events}
                format={msOf}
                onBrush={toLines({ sources: ["heroku"], dynos: ["router"] })}
              />
              <Keys
                of={[
                  ["half", "accent"],
                  ["95 %", "warn"],
                  ["99 %", "err"],
                ]}
              />
            </Panel>
            <Panel title="Memory" isEmpty={glance.memory.size === 0}>
              <MemoryChart
                memory={glance.memory}
                events={events}
                timesMs={timesMs}
                stepMs={glance.stepMs}
                onBrush={toLines({ match: "sample#memory_total" })}
              />
            </Panel>
            <Panel title="Errors and releases" isEmpty={errors === 0 && glance.releases.length === 0}>
              <Chart
                title="lines of errors"
                timesMs={timesMs}
                stepMs={glance.stepMs}
                series={[
                  {
                    name: "errors",
                    colour: "--fill-err",
                    kind: "bars",
                    values: steps.map((one) => one.errors),
                  },
                ]}
                height={120}
                zone="local"
                events={events}
                format={countOf}
                onBrush={toLines({ level: "error" })}
              />
              <Codes
                codes={glance.codes}
                go={(code) => go(logOf(app, { match: `code=${code}|Error ${code}` }))}
              />
              <ul class="events">
                {glance.releases.slice(-5).map(({ timeMs, text, position }) => (
                  <li key={position}>
                    <span class="mute">{dayOf(timeMs, "local", true)}</span>{" "}
                    <a href={hashOf(logOf(app, {}, { at: position }))}>{withoutColours(text)}</a>
                  </li>
                ))}
              </ul>
            </Panel>
          </div>
        </>
      )}
    </div>
  );
}

function useGlance(app: string, [span, seconds]: (typeof spans)[number]) {
  const glance = useMemo(() => new Glance(seconds * 1_000), [app, span]);
  const [state, setState] = useState<StreamState>({ kind: "connecting" });
  const [drawn, redraw] = useReducer((n: number) => n + 1, 0);
  useEffect(() => {
    const stream = new LogStream(
      app,
      {},
      {
        onLines: (lines) => {
          for (const line of lines) glance.add(line);
        },
        onState: setState,
        onResumed: () => {},
        onReplaced: () => {},
      },
    );
    stream.start({ kind: "since", since: span });
    const timer = setInterval(() => redraw(0), drawEveryMs);
    return () => {
      stream.stop();
      clearInterval(timer);
    };
  }, [glance]);
  return { glance, state, drawn };
}

const msOf = (ms: number | null): string =>
  ms === null ? "none" : ms >= 10_000 ? `${countOf(ms / 1_000)} s` : `${countOf(ms)} ms`;

const colours = {
  "2xx": "--fill-ok",
  "3xx": "--fill-accent",
  "4xx": "--fill-warn",
  "5xx": "--fill-err",
} as const;

// Drawn over one another, the largest first: what is seen of each is its own share.
function statusSeries(steps: readonly Step[], stepMs: number): Series[] {
  return statusClasses.map((_, n) => ({
    name: statusClasses[n]!,
    colour: colours[statusClasses[n]!],
    kind: "bars" as const,
    values: steps.map(
      ({ byStatus }) => statusClasses.slice(n).reduce((sum, of) => sum + byStatus[of], 0) / (stepMs / 1_000),
    ),
  }));
}

const line = (name: string, colour: string, steps: readonly Step[], share: number): Series => ({
  name,
  colour,
  kind: "line",
  values: steps.map(({ times }) => percentileOf(times, share)),
});

const hues = ["--p1", "--p2", "--p3", "--p4", "--p5", "--p6"] as const;

type MemoryProps = {
  readonly events: readonly ChartEvent[];
  memory: ReadonlyMap<string, DynoMemory>;
  timesMs: number[];
  stepMs: number;
  onBrush: (fromMs: number, toMs: number) => void;
};
function MemoryChart({ memory, events, timesMs, stepMs, onBrush }: MemoryProps) {
  const dynos = [...memory].slice(0, hues.length);
  const quota = Math.max(0, ...dynos.map(([, { quotaMb }]) => quotaMb ?? 0));
  const series: Series[] = dynos.map(([name, { mb }], n) => ({
    name,
    colour: hues[n]!,
    kind: "line",
    values: heldOver(timesMs.map((ms) => mb.get(ms) ?? null)),
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
    </>
  );
}

// Dynos tell their memory every 20 s or so: between two of those it is the one before.
function heldOver(values: readonly (number | null)[]): (number | null)[] {
  let last: number | null = null;
  return values.map((value) => {
    last = value ?? last;
    return last;
  });
}

function Panel({
  title,
  isEmpty,
  children,
}: {
  title: string;
  isEmpty: boolean;
  children: preact.ComponentChildren;
}) {
  return (
    <section class="panel">
      <h2>{title}</h2>
      {isEmpty ? <p class="mute">No line tells of it in this time.</p> : children}
    </section>
  );
}

const Tile = ({ name, value, mark = "" }: { name: string; value: string; mark?: string }) => (
  <div class="tile">
    <b class={mark}>{value}</b>
    <span>{name}</span>
  </div>
);

const Keys = ({ of }: { of: readonly (readonly [string, string])[] }) => (
  <ul class="chart-keys">
    {of.map(([name, colour]) => (
      <li key={name}>
        <i class={`key-${colour}`} aria-hidden="true" />
        {name}
      </li>
    ))}
  </ul>
);

function Codes({ codes, go }: { codes: ReadonlyMap<string, number>; go: (code: string) => void }) {
  const shown = [...codes].sort((a, b) => b[1] - a[1]).slice(0, 12);
  return (
    <div class="codes">
      {shown.map(([code, count]) => (
        <button key={code} type="button" class="chip" onClick={() => go(code)}>
          <b class="bad">{code}</b> {countOf(count)}
        </button>
      ))}
    </div>
  );
}
