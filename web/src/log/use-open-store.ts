/** The store of a list: a new one for another app or filter, opened at the place in the address. */
import { useEffect, useMemo } from "preact/hooks";
import type { LogView } from "../route.ts";
import type { Filter } from "./filter.ts";
import { LogStore } from "./log-store.ts";

export function useOpenStore(app: string, filter: Filter, { at, stretch }: LogView): LogStore {
  const wanted = JSON.stringify([app, filter]);
  const store = useMemo(() => new LogStore(app, filter), [wanted]);
  useEffect(() => {
    if (at === undefined && stretch !== undefined) return; // it is opened at the histogram's place
    if (at === undefined) store.follow();
    else void store.openAt(at);
  }, [store, at, stretch === undefined]);
  useEffect(() => () => store.close(), [store]);
  return store;
}
