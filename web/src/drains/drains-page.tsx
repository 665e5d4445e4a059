/** The drains of an app: the state of each, and its actions. */
import { useMemo, useRef, useState } from "preact/hooks";
import { api } from "../api.ts";
import type { Drain, KeyFacts } from "../api-types.ts";
import { useLoaded } from "../parts/use-store.ts";
import { DrainCard } from "./drain-card.tsx";
import { DrainForm } from "./drain-form.tsx";
import { healthOf } from "./drain-words.ts";
import { Samples } from "./samples.ts";

const everyMs = 2_000;

export function DrainsPage({ app, keyFacts }: { app: string; keyFacts: KeyFacts }) {
  const samples = useRef(new Samples());
  const asked = useRef(new Set<string>());
  const remember = async ({ id }: Drain) => {
    if (asked.current.has(id)) return;
    asked.current.add(id);
    const history = await api.drainHistory(app, id).catch(() => undefined);
    if (history !== undefined) samples.current.remember(id, history);
  };
  const load = async () => {
    const drains = await api.drains(app);
    samples.current.add(drains, Date.now());
    await Promise.all(drains.map(remember));
    return drains;
  };
  const drains = useLoaded<Drain[]>(load, [app], everyMs);
  const [isAdding, setAdding] = useState(false);
  const sorted = useMemo(() => [...(drains.value ?? [])].sort(byTrouble), [drains.value]);
  const mayChange = !keyFacts.read_only;
  return (
    <div class="drains scrolls">
      {drains.failure !== undefined && (
        <p class="failure page-note" role="alert">
          {drains.failure} It is asked again.
        </p>
      )}
      {drains.value === undefined && drains.failure === undefined && (
        <div class="loading" role="status" aria-label="loading" />
      )}
      {drains.value?.length === 0 && !isAdding && (
        <div class="empty">
          <h2>No drains</h2>
          <p>
            A drain copies every line of this app to a URL: a log service, a syslog server, a collector, or
            your own program.
          </p>
          <p class="mute">
            To try one on this machine, run the receiver of the examples and add its address:
          </p>
          <pre>node examples/receiver.mjs</pre>
        </div>
      )}
      {sorted.map((drain) => (
        <DrainCard
          key={drain.id}
          app={app}
          drain={drain}
          samples={samples.current.of(drain.id)}
          mayChange={mayChange}
          reload={drains.reload}
        />
      ))}
      {mayChange && drains.value !== undefined && !isAdding && (
        <button
          type="button"
          class={drains.value.length === 0 ? "button" : "ghost"}
          onClick={() => setAdding(true)}
        >
          Add a drain
        </button>
      )}
      {isAdding && (
        <DrainForm
          app={app}
          onDone={() => {
            setAdding(false);
            drains.reload();
          }}
          onCancel={() => setAdding(false)}
        />
      )}
      {!mayChange && <p class="mute">This key reads and nothing else: it adds and changes no drain.</p>}
    </div>
  );
}

const rank = { bad: 0, wait: 1, good: 2 } as const;
const byTrouble = (a: Drain, b: Drain): number =>
  rank[healthOf(a).mark] - rank[healthOf(b).mark] || a.created_at.localeCompare(b.created_at);
