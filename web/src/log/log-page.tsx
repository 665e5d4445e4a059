/** The log of an app: one list, or several processes side by side, under one bar. */
import { useState } from "preact/hooks";
import type { LogSummary } from "../api-types.ts";
import type { AppRoute } from "../app-page.tsx";
import type { Go } from "../page.tsx";
import { dayOf, linesOf } from "../parts/words.ts";
import type { LogView } from "../route.ts";
import type { Filter } from "./filter.ts";
import { LogBar } from "./log-bar.tsx";
import { LogPane } from "./log-pane.tsx";
import { useFinding } from "./use-finding.ts";

type Props = { readonly route: AppRoute; readonly go: Go; readonly summary: LogSummary | undefined };

export function LogPage({ route, go, summary }: Props) {
  const { app, view } = route;
  const [find, setFind] = useState("");
  const found = useFinding(find);
  const [finding, flaw] = typeof found === "string" ? [undefined, found] : [found, undefined];
  const change = (changed: Partial<LogView>, how?: "replace") =>
    go({ ...route, view: { ...view, ...changed } }, how);
  const setFilter = (filter: Filter) => change({ filter, at: undefined });
  const panes = view.panes.length > 0 ? view.panes : [undefined];
  const kept = summary?.oldest && {
    count: summary.end_line - summary.oldest.line,
    since: dayOf(Date.parse(summary.oldest.accepted_at), view.zone, true),
  };
  return (
    <div class="log-page">
      <LogBar
        app={app}
        view={view}
        change={change}
        setFilter={setFilter}
        find={find}
        setFind={setFind}
        findFlaw={flaw}
      />
      <div class={`panes of-${panes.length}`}>
        {panes.map((dyno) => (
          <LogPane
            key={dyno ?? "all"}
            app={app}
            view={view}
            dyno={dyno}
            finding={finding}
            go={go}
            route={route}
            change={change}
            keptCount={kept?.count}
            kept={kept ? `${linesOf(kept.count)} kept since ${kept.since}` : ""}
          />
        ))}
      </div>
    </div>
  );
}
