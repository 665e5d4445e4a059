/** A list's virtual rows: which of them are drawn, so that none moves unless the reader moves it. */
import {
  elementScroll,
  observeElementOffset,
  observeElementRect,
  type VirtualItem,
  Virtualizer,
} from "@tanstack/virtual-core";
import type { RefObject } from "preact";
import { flushSync } from "preact/compat";
import { useEffect, useLayoutEffect, useReducer, useRef, useState } from "preact/hooks";
import type { Row } from "./view-rows.ts";

/** How many heights of rows that have gone are remembered. */
const sizesMax = 30_000;

/** How many rows to print on either side of the visible ones. */
const printedMax = 1_000;

type Wanted = {
  readonly rows: readonly Row[];
  readonly scroller: RefObject<HTMLDivElement | null>;
  readonly estimate: (row: Row) => number;
  readonly isFollowing: boolean;
};

type Rows = Virtualizer<HTMLDivElement, HTMLElement>;

export function useRows({ rows, scroller, estimate, isFollowing }: Wanted): {
  rows: Rows;
  items: VirtualItem[];
} {
  const isPrinting = usePrinting();
  const [, redraw] = useReducer((n: number) => n + 1, 0);
  const held = useRef<Rows | undefined>(undefined);
  const options = {
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: (n: number) => estimate(rows[n]!),
    getItemKey: (n: number) => rows[n]?.key ?? n,
    scrollToFn: elementScroll,
    observeElementRect,
    observeElementOffset,
    overscan: isPrinting ? printedMax : 8,
    anchorTo: "end" as const,
    followOnAppend: isFollowing,
    scrollEndThreshold: 60,
    paddingEnd: 8,
    onChange: () => redraw(0),
  };
  held.current ??= new Virtualizer<HTMLDivElement, HTMLElement>(options);
  const list = held.current;
  list.setOptions(options);
  useLayoutEffect(() => list._didMount(), [list]);
  useLayoutEffect(() => list._willUpdate());
  useLayoutEffect(() => forget(list.itemSizeCache), [rows]);
  return { rows: list, items: list.getVirtualItems() };
}

// The browser prints the rows that exist when its print style takes effect.
function usePrinting(): boolean {
  const [isPrinting, setPrinting] = useState(false);
  useEffect(() => {
    const print = matchMedia("print");
    const follow = () => flushSync(() => setPrinting(print.matches));
    print.addEventListener("change", follow);
    return () => print.removeEventListener("change", follow);
  }, []);
  return isPrinting;
}

// The cache has the oldest first.
function forget(sizes: Map<unknown, number>): void {
  if (sizes.size <= sizesMax) return;
  let left = sizes.size - sizesMax / 2;
  for (const key of sizes.keys()) {
    if (left-- <= 0) return;
    sizes.delete(key);
  }
}
