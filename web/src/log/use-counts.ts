/** Fetches the histogram: in quick succession while older lines are still being counted, then now and then. */
import { useEffect } from "preact/hooks";
import { api } from "../api.ts";
import { histogramQuery } from "./filter.ts";
import type { LogStore } from "./log-store.ts";

const growingMs = 700;
const everyMs = 15_000;

export function useCounts(store: LogStore, span: string | undefined): void {
  useEffect(() => {
    const over = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const ask = async () => {
      if (document.visibilityState === "visible") {
        const query = histogramQuery(store.filter, span, Date.now());
        const histogram = await api.histogram(store.app, query, over.signal).catch(() => undefined);
        if (over.signal.aborted) return;
        if (histogram !== undefined) store.count(histogram, spanMsOf(query.get("span")));
      }
      timer = setTimeout(ask, store.counts.isGrowing ? growingMs : everyMs);
    };
    void ask();
    return () => {
      over.abort();
      clearTimeout(timer);
    };
  }, [store, span]);
}

const unitsMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

function spanMsOf(span: string | null): number | undefined {
  const [, count, unit] = /^(\d+)([smhd])$/.exec(span ?? "") ?? [];
  return count === undefined ? undefined : Number(count) * unitsMs[unit!]!;
}
