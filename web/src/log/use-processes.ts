/** The processes of an app, according to the server, in all kept lines. Fetched while the menu is open. */
import { useEffect, useState } from "preact/hooks";
import { api } from "../api.ts";

type Processes = { readonly names: readonly string[]; readonly isAll: boolean };

const growingMs = 700;
const everyMs = 5_000;

export function useProcesses(app: string, isWanted: boolean): Processes {
  const [known, setKnown] = useState<Processes>({ names: [], isAll: false });
  useEffect(() => {
    if (!isWanted) return;
    const over = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const ask = async () => {
      const histogram = await api.histogram(app, new URLSearchParams(), over.signal).catch(() => undefined);
      if (over.signal.aborted) return;
      if (histogram !== undefined) setKnown({ names: histogram.dynos, isAll: histogram.complete });
      timer = setTimeout(ask, histogram?.complete === false ? growingMs : everyMs);
    };
    void ask();
    return () => {
      over.abort();
      clearTimeout(timer);
    };
  }, [app, isWanted]);
  return known;
}
