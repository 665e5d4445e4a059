/** The node: lines that come in and go out, how far its drains are behind, what it holds, and which apps write most. */
import { api } from "../api.ts";
import type { App } from "../api-types.ts";
import { ratePerS, type Summaries } from "../apps/summaries.ts";
import { Tile } from "../parts/panels.tsx";
import { useLoaded } from "../parts/use-store.ts";
import { bytesOf, countOf, durationOf, rateOf } from "../parts/words.ts";
import { hashOf, logOf } from "../route.ts";
import { type Figures, figuresOf, type Pace } from "./figures.ts";
import { everyMs, NodeCharts } from "./node-charts.tsx";
import { Readings } from "./readings.ts";

/** Kept while the page is open, whichever part of it is shown. */
const readings = new Readings();
const noisiestMax = 10;

export function NodePage({ apps, summaries }: { apps: readonly App[]; summaries: Summaries }) {
  const load = async () => {
    const text = await api.figures();
    return text === undefined ? null : readings.add({ atMs: Date.now(), figures: figuresOf(text) });
  };
  const { value, failure } = useLoaded(load, [], everyMs);
  return (
    <main class="scrolls node">
      <header class="head">
        <h1>This node</h1>
      </header>
      {failure !== undefined && (
        <p class="failure page-note" role="alert">
          {failure} It is asked again.
        </p>
      )}
      {value === undefined && failure === undefined && (
        <div class="loading" role="status" aria-label="loading" />
      )}
      {value === null && (
        <div class="empty">
          <h2>Its figures are at the operator's own address</h2>
          <p>
            This server runs with <code>--admin</code>: <code>/metrics</code> is served there alone.
          </p>
        </div>
      )}
      {value && <NodeFigures {...value} />}
      <Noisiest apps={apps} summaries={summaries} />
    </main>
  );
}

function NodeFigures({ figures, paces }: { figures: Figures; paces: readonly Pace[] }) {
  const of = (name: string) => figures.get(name) ?? 0;
  const newest = paces.at(-1);
  const pace = newest && Date.now() - newest.atMs < 4 * everyMs ? newest : undefined;
  const startS = figures.get("process_start_time_seconds");
  return (
    <>
      <div class="tiles">
        <Tile name="lines a second accepted" value={pace ? rateOf(pace.accepted) : "…"} />
        <Tile name="lines a second delivered" value={pace ? rateOf(pace.delivered) : "…"} />
        <Tile name="lines waiting for drains" value={countOf(of("tailrace_drain_backlog_lines"))} />
        <Tile name="age of the oldest" value={durationOf(of("tailrace_drain_backlog_age_seconds"))} />
        <Tile name="in the store" value={bytesOf(of("tailrace_journal_bytes"))} />
        <Tile name="free on its disk" value={bytesOf(of("tailrace_disk_free_bytes"))} />
        <Tile name="open log streams" value={countOf(of("tailrace_open_tails"))} />
        <Tile name="memory of the server" value={bytesOf(of("process_resident_memory_bytes"))} />
        {startS !== undefined && (
          <Tile name="since its start" value={durationOf(Date.now() / 1000 - startS)} />
        )}
      </div>
      <NodeCharts paces={paces} />
    </>
  );
}

function Noisiest({ apps, summaries }: { apps: readonly App[]; summaries: Summaries }) {
  const known = apps.flatMap(({ name }) => {
    const summary = summaries.get(name);
    return summary === undefined ? [] : [{ name, summary }];
  });
  const paced = known.map((one) => ({ ...one, rate: ratePerS(one.summary) })).sort((a, b) => b.rate - a.rate);
  const most = paced[0]?.rate ?? 0;
  return (
    <section class="panel wide-panel">
      <h2>Noisiest apps</h2>
      <p class="mute">
        {countOf(known.length)} {known.length === 1 ? "app" : "apps"}
      </p>
      <ol class="noisiest">
        {paced.slice(0, noisiestMax).map(({ name, rate, summary }) => (
          <li key={name}>
            <a href={hashOf(logOf(name))}>{name}</a>
            <span class="noise" aria-hidden="true">
              <i style={{ width: `${most === 0 ? 0 : (100 * rate) / most}%` }} />
            </span>
            <span class="number">{rateOf(rate)} lines/s</span>
            <span class="number mute">
              {countOf(summary.end_line - (summary.oldest?.line ?? summary.end_line))} kept
            </span>
          </li>
        ))}
      </ol>
    </section>
  );
}
