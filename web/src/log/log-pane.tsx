/** One list of lines with everything that belongs to it: histogram, marks, the current place, and the keys. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { AppRoute } from "../app-page.tsx";
import type { Go } from "../page.tsx";
import { useNotifications } from "../parts/use-store.ts";
import { clockOf, linesOf } from "../parts/words.ts";
import { hashOf, type LogView, plainView } from "../route.ts";
import { Announcer } from "./announcer.tsx";
import { type Filter, hasNeighbours } from "./filter.ts";
import type { Finding } from "./finding.ts";
import { HistogramChart } from "./histogram-chart.tsx";
import type { Line } from "./line.ts";
import { LineDetail } from "./line-detail.tsx";
import { type ListHandle, LogList } from "./log-list.tsx";
import { PaneFoot } from "./pane-foot.tsx";
import { useOpenStore } from "./use-open-store.ts";
import { usePaneKeys } from "./use-pane-keys.ts";
import { useSteps } from "./use-steps.ts";
import { useStretch } from "./use-stretch.ts";
import { fromOldest, type Row, rowsOf, traceTexts } from "./view-rows.ts";

type PaneProps = {
  readonly app: string;
  readonly view: LogView;
  /** Set if it shows only one process, next to others. */
  readonly dyno: string | undefined;
  readonly finding: Finding | undefined;
  readonly route: AppRoute;
  readonly go: Go;
  readonly change: (changed: Partial<LogView>, how?: "replace") => void;
  readonly kept: string;
  readonly keptCount: number | undefined;
};

export function LogPane(props: PaneProps) {
  const { app, view, dyno, finding, route, go, change, kept, keptCount } = props;
  const filter: Filter = dyno === undefined ? view.filter : { ...view.filter, dynos: [dyno] };
  const store = useOpenStore(app, filter, view);
  useNotifications(useMemo(() => (listener: () => void) => store.subscribe(listener), [store]));
  const [unfolded, setUnfolded] = useState<ReadonlySet<string>>(new Set());
  const [selected, setSelected] = useState<string | undefined>(view.at);
  const [isOpen, setOpen] = useState(false);
  const list = useRef<ListHandle | undefined>(undefined);
  const { state } = store;
  const range = useStretch(store, view.stretch);

  const rows = useMemo(() => {
    const keep = ({ timeMs }: Line) => range === undefined || (timeMs >= range.fromMs && timeMs < range.toMs);
    const all = rowsOf(store.ring, unfolded, keep, view.zone, hasNeighbours(store.filter));
    const isWhole = view.stretch === undefined && state.isOldestHere && !state.isForeign;
    return isWhole ? fromOldest(all, Object.keys(store.filter).length === 0) : all;
  }, [store, state.version, unfolded, range, view.zone, view.stretch, state.isOldestHere]);
  useEffect(() => setSelected(view.at), [view.at]);

  const unfold = (key: string) =>
    setUnfolded((before) => {
      const next = new Set(before);
      if (!next.delete(key)) next.add(key);
      return next;
    });
  const follow = () => {
    if (view.at !== undefined || view.stretch !== undefined)
      change({ at: undefined, stretch: undefined }, "replace");
    store.follow();
    list.current?.toEnd();
  };
  const linkOf = (line: Line) =>
    new URL(
      hashOf({ ...route, view: { ...view, filter: linkFilter(filter), panes: [], at: line.position } }),
      location.href,
    ).href;
  const steps = useSteps({ store, rows, finding, selected, setSelected, list, unfold });
  const { line, folded } = lineIn(rows, selected);
  const trace = useMemo(
    () => (line === undefined || folded === 0 ? [] : traceTexts(store.ring, line.key, folded)),
    [store, line?.key, folded],
  );
  const keys = usePaneKeys({
    rows,
    selected,
    setSelected,
    setOpen,
    follow,
    store,
    list,
    change,
    view,
    line,
    linkOf,
    steps,
  });

  return (
    <section class="pane" aria-label={dyno ?? "log"} onKeyDown={keys}>
      {dyno !== undefined && (
        <PaneHead dyno={dyno} onClose={() => change({ panes: view.panes.filter((one) => one !== dyno) })} />
      )}
      <HistogramChart
        store={store}
        zone={view.zone}
        span={view.span}
        onSpan={(span) => change({ span }, "replace")}
        onPick={(stretch) => change({ stretch, at: undefined })}
      />
      {range !== undefined && (
        <p class="range" role="status">
          {clockOf(range.fromMs, view.zone).time} to {clockOf(range.toMs, view.zone).time} ·{" "}
          {linesOf(range.lines)}
          <button type="button" class="plain" onClick={follow}>
            all times
          </button>
        </p>
      )}
      <LogList
        rows={rows}
        store={store}
        view={view}
        finding={finding}
        selected={selected}
        unfolded={unfolded}
        at={view.at}
        handle={list}
        onSelect={(key) => {
          setSelected(key);
          setOpen(true);
        }}
        onUnfold={unfold}
        kept={kept}
        onClear={() => change({ filter: {} })}
      />
      {line !== undefined && isOpen && (
        <LineDetail
          key={line.key}
          line={line}
          trace={trace}
          link={linkOf(line)}
          onNeighbours={
            line.number === undefined
              ? undefined
              : () => go({ ...route, view: { ...plainView, zone: view.zone, at: line.position } })
          }
          onClose={() => setOpen(false)}
        />
      )}
      <PaneFoot
        store={store}
        rows={rows}
        onFollow={follow}
        kept={kept}
        keptCount={keptCount}
        note={steps.note}
        onNote={steps.tell}
      />
      <Announcer store={store} />
    </section>
  );
}

const PaneHead = ({ dyno, onClose }: { dyno: string; onClose: () => void }) => (
  <header class="pane-head">
    <h2>{dyno}</h2>
    <button type="button" class="plain end" onClick={onClose}>
      Close
    </button>
  </header>
);

// A link to a line shows it in its context; the list's times and neighbours would mean nothing there.
const linkFilter = ({ since: _s, until: _u, before: _b, after: _a, ...rest }: Filter): Filter => rest;

function lineIn(
  rows: readonly Row[],
  key: string | undefined,
): { readonly line: Line | undefined; readonly folded: number } {
  const row = key === undefined ? undefined : rows.findLast((one) => one.key === key);
  return row?.kind === "line" ? row : { line: undefined, folded: 0 };
}
