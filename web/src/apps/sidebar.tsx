/** The list of apps at the side: which one is open, how fast each is, and whether one of its drains fails. */
import type { App, KeyFacts } from "../api-types.ts";
import { Icon } from "../parts/icons.tsx";
import type { Loaded } from "../parts/use-store.ts";
import { durationOf, rateOf } from "../parts/words.ts";
import { hashOf, logOf, type Route } from "../route.ts";
import type { FoundApps } from "./found-apps.ts";
import { MoreApps } from "./more-apps.tsx";
import { drainHealth, ratePerS, type Summaries } from "./summaries.ts";

type Props = {
  readonly apps: Loaded<App[]>;
  readonly found: FoundApps;
  /** What names have in them, and a change of it. */
  readonly wanted: string;
  readonly onWanted: (text: string) => void;
  readonly summaries: Summaries;
  readonly route: Route;
  readonly keyFacts: KeyFacts;
  readonly onSignOut: () => void;
  readonly isOpen: boolean;
  readonly onToggle: () => void;
};

/** From this many apps on, there is a search field. */
const findFrom = 12;

export function Sidebar(props: Props) {
  const { apps, found, wanted, onWanted, summaries, route, keyFacts, onSignOut, isOpen, onToggle } = props;
  const count = apps.value?.length ?? 0;
  return (
    <aside class="sidebar" aria-label="apps">
      <div class="sidebar-top">
        <a class="brand" href="#/apps">
          <Icon name="wave" />
          tailrace
        </a>
        <button type="button" class="menu" aria-expanded={isOpen} aria-label="Menu" onClick={onToggle}>
          <Icon name="menu" />
        </button>
      </div>
      <nav class="sidebar-rest" aria-label="main">
        {count >= findFrom && (
          <input
            class="find-app"
            type="search"
            placeholder="Find an app"
            aria-label="Find an app"
            value={wanted}
            onInput={(event) => onWanted(event.currentTarget.value)}
          />
        )}
        <ul class="app-list">
          {found.shown.map(({ name }) => (
            <AppLink
              key={name}
              name={name}
              summaries={summaries}
              isHere={route.page === "app" && route.app === name}
              isAway={apps.failure !== undefined}
            />
          ))}
        </ul>
        <MoreApps left={found.left} />
        <div class="sidebar-end">
          <a href="#/apps" aria-current={route.page === "apps" ? "page" : undefined}>
            All apps
          </a>
          <a href="#/node" aria-current={route.page === "node" ? "page" : undefined}>
            This node
          </a>
          <button type="button" class="plain" onClick={onSignOut}>
            Sign out
            <small class="mute">
              {keyFacts.operator ? "operator" : keyFacts.read_only ? "reads only" : "key"}
            </small>
          </button>
        </div>
      </nav>
    </aside>
  );
}

type LinkProps = {
  readonly name: string;
  readonly summaries: Summaries;
  readonly isHere: boolean;
  /** The server does not answer, so the present state is unknown. */
  readonly isAway: boolean;
};

function AppLink({ name, summaries, isHere, isAway }: LinkProps) {
  const summary = summaries.get(name);
  const { mark, words } = drainHealth(summary, isAway);
  return (
    <li>
      <a class="app-link" href={hashOf(logOf(name))} aria-current={isHere ? "page" : undefined}>
        <span class="name">{name}</span>
        {mark !== "none" && <span class={`dot ${mark}`} role="img" aria-label={words} title={words} />}
        <small>{summary === undefined || isAway ? "\u00a0" : paceOf(summary)}</small>
      </a>
    </li>
  );
}

export function paceOf(summary: Parameters<typeof ratePerS>[0]): string {
  const { newest, recent } = summary;
  if (newest === null) return "no lines yet";
  if (recent.lines > 0) return `${rateOf(ratePerS(summary))} lines/s`;
  return `quiet for ${durationOf((Date.now() - Date.parse(newest.accepted_at)) / 1000)}`;
}
