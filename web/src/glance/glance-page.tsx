/** An app at a glance: charts over one time line, each of which leads to its lines. */
import { useEffect, useMemo, useReducer, useState } from "preact/hooks";
import type { Filter } from "../log/filter.ts";
import { LogStream, type StreamState } from "../log/log-stream.ts";
import { withoutColours } from "../log/sgr.ts";
import type { Go } from "../page.tsx";
import { Chart } from "../parts/chart.tsx";
import { Codes, Keys, Panel, Tile } from "../parts/panels.tsx";
import { countOf, dayOf, linesOf, rateOf } from "../parts/words.ts";
import { hashOf, logOf } from "../route.ts";
import { Glance, sumOf } from "./glance.ts";
import { MemoryChart } from "./memory-chart.tsx";
import { statusSeries, timesSeries } from "./series.ts";

const spans = [
  ["15m", 900],
  ["1h", 3_600],
  ["6h", 21_600],
  ["24h", 86_400],
] as const;

const shares = [
  ["service time, p50", 0.5],
  ["service time, p95", 0.95],
  ["service time, p99", 0.99],
] as const;
const slowMs = 1_000;
const slowOf = (ms: number | null) => (ms !== null && ms >= slowMs ? "slow" : "");

const drawEveryMs = 1_000;
const noMemory = 'No dyno logs its memory in this time: "tailrace up --runtime-metrics" has its dynos do so.';

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
            ? `from ${linesOf(glance.lines)}${glance.elsewhere > 0 ? `; ${countOf(glance.elsewhere)} of other times left out` : ""}`
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
            {shares.map(([name, share]) => (
              <Tile key={name} name={name} value={msOf(all.within(share))} mark={slowOf(all.within(share))} />
            ))}
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
                  timesSeries("p99", "--fill-err", steps, 0.99),
                  timesSeries("p95", "--fill-warn", steps, 0.95),
                  timesSeries("p50", "--fill-accent", steps, 0.5),
                ]}
                height={150}
                zone="local"
                events={events}
                format={msOf}
                onBrush={toLines({ sources: ["heroku"], dynos: ["router"] })}
              />
              <Keys
                of={[
                  ["p50", "accent"],
                  ["p95", "warn"],
                  ["p99", "err"],
                ]}
              />
            </Panel>
            <Panel title="Memory" isEmpty={glance.memory.size === 0} empty={noMemory}>
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
