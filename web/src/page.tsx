/** The whole page: who is signed in, what is shown, and the frame around both. */
import { useCallback, useEffect, useMemo, useState } from "preact/hooks";
import { api } from "./api.ts";
import type { App, KeyFacts } from "./api-types.ts";
import { AppPageView } from "./app-page.tsx";
import { AppsPage } from "./apps/apps-page.tsx";
import { foundApps } from "./apps/found-apps.ts";
import { Sidebar } from "./apps/sidebar.tsx";
import { useSummaries } from "./apps/summaries.ts";
import { shownText } from "./log/sgr.ts";
import { NodePage } from "./node/node-page.tsx";
import { KeysHelp } from "./parts/keys-help.tsx";
import { useLoaded } from "./parts/use-store.ts";
import { hashOf, type Route, routeOf } from "./route.ts";
import { SignIn } from "./sign-in.tsx";

export type Go = (route: Route, how?: "replace") => void;

export function Page() {
  const [key, setKey] = useState<KeyFacts | null | undefined>(undefined);
  const [failure, setFailure] = useState("");
  useEffect(() => {
    api.onSignedOut = () => setKey(null);
    api.session().then(
      (session) => setKey(session.key),
      (error: Error) => setFailure(error.message),
    );
  }, []);
  if (failure !== "") return <Whole title="The page cannot be shown">{failure}</Whole>;
  if (key === undefined) return <div class="loading whole" role="status" aria-label="loading" />;
  if (key === null) return <SignIn onSignedIn={setKey} />;
  return <SignedIn keyFacts={key} onSignOut={() => setKey(null)} />;
}

const Whole = ({ title, children }: { title: string; children: string }) => (
  <main class="whole">
    <div class="sign-in">
      <h1>{title}</h1>
      <p>{children}</p>
      <button type="button" class="button" onClick={() => location.reload()}>
        Try again
      </button>
    </div>
  </main>
);

function SignedIn({ keyFacts, onSignOut }: { keyFacts: KeyFacts; onSignOut: () => void }) {
  const [route, go] = useRoute();
  const apps = useLoaded<App[]>(() => api.apps(), [], 15_000);
  const [wanted, setWanted] = useState("");
  const app = route.page === "app" ? route.app : undefined;
  const found = useMemo(() => foundApps(apps.value ?? [], wanted, app), [apps.value, wanted, app]);
  const summaries = useSummaries(apps.value, found.shown);
  const [isMenuOpen, setMenuOpen] = useState(false);
  useEffect(() => setMenuOpen(false), [route]);
  useEffect(() => {
    if (route.page === "addon") location.replace(`/addons/${encodeURIComponent(route.addon)}/sso`);
  }, [route]);
  useEffect(() => {
    document.title = app === undefined ? "tailrace" : `${shownText(app)} · tailrace`;
  }, [app]);
  const signOut = useCallback(() => void api.signOut().finally(onSignOut), []);
  return (
    <div class={`shell${isMenuOpen ? " menu-open" : ""}`}>
      <Sidebar
        apps={apps}
        found={found}
        wanted={wanted}
        onWanted={setWanted}
        summaries={summaries}
        route={route}
        keyFacts={keyFacts}
        onSignOut={signOut}
        isOpen={isMenuOpen}
        onToggle={() => setMenuOpen((open) => !open)}
      />
      {route.page === "apps" && (
        <AppsPage apps={apps} found={found} summaries={summaries} keyFacts={keyFacts} go={go} />
      )}
      {route.page === "node" && <NodePage apps={apps.value ?? []} summaries={summaries} />}
      {route.page === "app" && (
        <AppPageView
          key={route.app}
          route={route}
          go={go}
          keyFacts={keyFacts}
          summary={summaries.get(route.app)}
        />
      )}
      <KeysHelp />
    </div>
  );
}

function useRoute(): [Route, Go] {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const follow = () => setHash(location.hash);
    addEventListener("hashchange", follow);
    follow(); // it may have changed since the page was drawn
    return () => removeEventListener("hashchange", follow);
  }, []);
  const route = useMemo(() => routeOf(hash), [hash]);
  const go = useCallback<Go>((to, how) => {
    const next = hashOf(to);
    if (how === "replace") history.replaceState(null, "", next);
    else location.hash = next;
    setHash(next);
  }, []);
  return [route, go];
}
