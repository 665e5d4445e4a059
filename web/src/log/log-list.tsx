/** Draws only the visible rows; follows, pauses, and loads older lines when scrolled up. */
import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";
import type { LogView } from "../route.ts";
import type { Finding } from "./finding.ts";
import { ListTop } from "./list-top.tsx";
import { LogRow } from "./log-row.tsx";
import type { LogStore } from "./log-store.ts";
import { Marks } from "./marks.tsx";
import { useRows } from "./use-rows.ts";
import type { Row } from "./view-rows.ts";

type Align = "start" | "center" | "auto";

export type ListHandle = {
  readonly toEnd: () => void;
  readonly toStart: () => void;
  /** False if there is no such row. */
  readonly show: (key: string, align?: Align) => boolean;
  readonly focus: () => void;
  /** The visible rows. */
  readonly seen: () => { readonly first: number; readonly last: number } | undefined;
};

type Props = {
  readonly rows: readonly Row[];
  readonly store: LogStore;
  readonly view: LogView;
  readonly finding: Finding | undefined;
  readonly selected: string | undefined;
  readonly unfolded: ReadonlySet<string>;
  readonly at: string | undefined;
  readonly handle: RefObject<ListHandle | undefined>;
  readonly onSelect: (key: string) => void;
  readonly onUnfold: (key: string) => void;
  /** How many lines are kept, and since when; empty: unknown. */
  readonly kept: string;
  readonly onClear: () => void;
};

const rowPx = 21;
/** Older lines are loaded when there is less than this above the visible rows. */
const olderPx = 1_500;
/** A list counts as at its end if no more than this is left below. */
const endPx = 8;
const charPx = 7.85;

export function LogList(props: Props) {
  const { rows, store, view, finding, selected, unfolded, at, handle, onSelect, onUnfold } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const { state } = store;
  const columns = useRef(120);
  const { rows: list, items } = useRows({
    rows,
    scroller,
    isFollowing: state.isFollowing,
    estimate: (row) =>
      row.kind !== "line" || !view.wrap
        ? rowPx
        : rowPx * Math.max(1, Math.ceil(row.line.message.length / columns.current)),
  });
  useLayoutEffect(() => {
    const width = scroller.current?.clientWidth ?? 1_000;
    columns.current = Math.max(20, (width - 240) / charPx);
  });
  useEffect(() => list.measure(), [view.wrap, list]);

  // The position of the end must not wait for the heights of rows that come into view.
  useLayoutEffect(() => {
    const element = scroller.current;
    if (state.isFollowing && element) element.scrollTop = element.scrollHeight;
  });

  const reader = useMemo<Reader>(() => ({ wantsEnd: false, goal: undefined }), []);
  const show = (key: string | undefined, align: Align = "auto"): boolean => {
    const index = rows.findLastIndex((row) => row.key === key);
    if (key === undefined || index === -1) return false;
    reader.wantsEnd = false; // the reader goes to that row, wherever it is
    reader.goal = { key, align, index };
    list.scrollToIndex(index, { align });
    return true;
  };
  const moves = (wantsEnd: boolean) => Object.assign(reader, { wantsEnd, goal: undefined });
  handle.current = {
    toEnd: () => {
      reader.goal = undefined;
      list.scrollToEnd();
    },
    toStart: () => void show(rows[0]?.key, "start"),
    show,
    focus: () => scroller.current?.focus(),
    seen: () =>
      list.range === null ? undefined : { first: list.range.startIndex, last: list.range.endIndex },
  };

  // Rows that come or go above the goal while the list still scrolls there would leave it at another row.
  useLayoutEffect(() => {
    const { goal } = reader;
    if (goal !== undefined && rows[goal.index]?.key !== goal.key && !show(goal.key, goal.align))
      reader.goal = undefined;
  }, [rows]);

  useLinkedLine(at, rows, handle);
  const last = items.at(-1)?.index ?? rows.length - 1;
  useEffect(() => {
    store.seen(rows.length - 1 - last);
    const first = items[0];
    if (!state.isFollowing && first && (list.scrollOffset ?? 0) < olderPx) void store.loadOlder();
    if (state.isFollowing && rows.length < 40 && first) void store.loadOlder();
  });

  // The position comes from the element, because the rows hear of a scroll after this listener.
  const followAtEnd = () => {
    const element = scroller.current;
    if (store.state.isFollowing || store.ring.isCutNewer || !store.isAttached) return;
    if (!reader.wantsEnd || element === null) return;
    if (element.scrollHeight - element.scrollTop - element.clientHeight <= endPx) store.follow();
  };
  const touch = () => {
    moves(true);
    store.pause();
  };
  return (
    <div class="list-frame">
      <div
        ref={scroller}
        class={`list${view.wrap ? "" : " nowrap"}`}
        role={rows.length === 0 ? "group" : "list"}
        aria-label="lines"
        tabIndex={0}
        onScroll={followAtEnd}
        onWheel={({ deltaY }) => {
          moves(deltaY > 0);
          if (deltaY < 0) store.pause();
          else if (deltaY > 0) followAtEnd(); // at the end, nothing scrolls any more
        }}
        onTouchMove={touch}
        onPointerDown={(event) => {
          if (event.target === scroller.current) touch();
          else moves(reader.wantsEnd);
        }}
        onKeyDown={({ key }) => moves(/^(?:ArrowDown|PageDown| )$/.test(key))}
        onClick={(event) => {
          const target = event.target as HTMLElement;
          if (target.closest("[data-fold]") || !getSelection()?.isCollapsed) return;
          const key = target.closest<HTMLElement>("[data-key]")?.dataset.key;
          if (key !== undefined) onSelect(key);
        }}
      >
        <ListTop store={store} rows={rows} view={view} kept={props.kept} onClear={props.onClear} />
        <div class="sizer" style={{ height: `${list.getTotalSize()}px` }}>
          {/* Rows stand below one another as any text does; the block of them alone has a place. */}
          <div class="block" style={{ top: `${items[0]?.start ?? 0}px` }}>
            {items.map(({ key, index }) => {
              const row = rows[index];
              if (row === undefined) return null;
              return (
                <div
                  key={key}
                  class="place"
                  role="listitem"
                  data-index={index}
                  ref={(node) => list.measureElement(node)}
                >
                  <LogRow
                    row={row}
                    zone={view.zone}
                    find={finding}
                    isSelected={row.key === selected}
                    isUnfolded={unfolded.has(row.key)}
                    isAround={row.kind === "line" && !store.isFound(row.line)}
                    onUnfold={onUnfold}
                  />
                </div>
              );
            })}
          </div>
        </div>
      </div>
      <Marks
        rows={rows}
        version={state.version}
        onGo={(index) => {
          store.pause();
          show(rows[index]?.key, "center");
        }}
      />
    </div>
  );
}

/** What the reader did last. */
type Reader = {
  /** Scrolling up means that somebody wants to read; scrolling to the end means that they want what comes. */
  wantsEnd: boolean;
  /** The row that the list was asked to show, until the reader moves the list: where it was then. */
  goal: { readonly key: string; readonly align: Align; readonly index: number } | undefined;
};

function useLinkedLine(at: string | undefined, rows: readonly Row[], handle: Props["handle"]): void {
  const shown = useRef<string | undefined>(undefined);
  useEffect(() => {
    if (at === undefined || shown.current === at) return;
    if (handle.current?.show(at, "center")) shown.current = at;
  }, [at, rows]);
}
