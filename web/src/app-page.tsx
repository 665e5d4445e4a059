/** An app: its head with the tabs, and the open tab. */
import type { KeyFacts, LogSummary } from "./api-types.ts";
import { DrainsPage } from "./drains/drains-page.tsx";
import { GlancePage } from "./glance/glance-page.tsx";
import { LogPage } from "./log/log-page.tsx";
import type { Go } from "./page.tsx";
import { type AppPage, hashOf, plainView, type Route } from "./route.ts";

export type AppRoute = Extract<Route, { page: "app" }>;

const tabs: readonly (readonly [AppPage, string])[] = [
  ["log", "Log"],
  ["drains", "Drains"],
  ["glance", "At a glance"],
];

type Props = {
  readonly route: AppRoute;
  readonly go: Go;
  readonly keyFacts: KeyFacts;
  readonly summary: LogSummary | undefined;
};

export function AppPageView({ route, go, keyFacts, summary }: Props) {
  const failing = summary?.drains.retrying ?? 0;
  return (
    <main class="app-page">
      <header class="head">
        <h1>{route.app}</h1>
        <nav class="tabs" aria-label="pages of the app">
          {tabs.map(([tab, name]) => (
            <a
              key={tab}
              href={hashOf({ ...route, tab, view: tab === route.tab ? route.view : plainView })}
              aria-current={tab === route.tab ? "page" : undefined}
            >
              {name}
              {tab === "drains" && failing > 0 && <b class="bad"> {failing} retrying</b>}
            </a>
          ))}
        </nav>
      </header>
      {route.tab === "log" && <LogPage route={route} go={go} summary={summary} />}
      {route.tab === "drains" && <DrainsPage app={route.app} keyFacts={keyFacts} />}
      {route.tab === "glance" && <GlancePage app={route.app} go={go} />}
    </main>
  );
}
