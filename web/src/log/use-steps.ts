/** Steps from one match of the search, or one error, to the next. If the list has no more, older lines are searched. */
import type { RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { countOf } from "../parts/words.ts";
import type { Finding } from "./finding.ts";
import type { Line } from "./line.ts";
import { steps as events } from "./log-bar.tsx";
import type { ListHandle } from "./log-list.tsx";
import type { LogStore } from "./log-store.ts";
import type { Row } from "./view-rows.ts";

type Wanted = {
  readonly store: LogStore;
  readonly rows: readonly Row[];
  readonly finding: Finding | undefined;
  readonly selected: string | undefined;
  readonly setSelected: (key: string) => void;
  readonly list: RefObject<ListHandle | undefined>;
  readonly unfold: (key: string) => void;
};

export type Steps = {
  readonly go: (kind: "match" | "error", back: boolean) => void;
  readonly note: string;
  /** Shows a text in the foot until the next step. */
  readonly tell: (text: string) => void;
};

/** A step looks no longer than this: some expressions take very long for some texts. */
const lookMsMax = 1_000;

/** How many times one step loads older lines. */
const stretchesMax = 40;

export function useSteps(wanted: Wanted): Steps {
  const now = useRef(wanted);
  now.current = wanted;
  const pending = useRef<{ kind: "match" | "error"; left: number } | undefined>(undefined);
  const searched = useRef<string | undefined>(undefined);
  const [note, setState] = useState<{ readonly text: string; readonly of?: string | undefined }>({
    text: "",
  });
  const setNote = (text: string) => setState({ text, of: now.current.finding?.asked });

  const go = (kind: "match" | "error", back: boolean): void => {
    const { rows, selected, store, setSelected, list, finding } = now.current;
    const looking = testOf(kind, finding);
    if (looking === undefined) return;
    const { test } = looking;
    const { isFollowing } = store.state;
    // A new search starts from the newest line.
    const isNew = kind === "match" && finding?.asked !== searched.current;
    searched.current = kind === "match" ? finding?.asked : searched.current;
    const chosen = isNew ? -1 : rows.findLastIndex((row) => row.key === selected);
    const seen = isFollowing || isNew || chosen !== -1 ? undefined : list.current?.seen();
    const start = chosen !== -1 ? chosen + (back ? -1 : 1) : back ? seen?.last : seen?.first;
    const from = start ?? (back ? rows.length - 1 : kind === "match" ? 0 : rows.length);
    const key = nextIn(rows, from, test, back);
    if (looking.isOver) {
      pending.current = undefined;
      setNote("this expression takes too long here: filter by it instead");
      return;
    }
    if (key !== undefined || back) store.pause(); // if nothing is found further on, the list keeps following
    if (key !== undefined) {
      pending.current = undefined;
      const place = kind === "match" ? placeOf(rows, key, test) : "";
      setNote(looking.isOver ? "" : place);
      setSelected(key);
      list.current?.show(key, "center");
    } else if (!back) setNote(kind === "error" ? "no later error" : "no later match");
    else if (store.state.isOldestHere)
      setNote(kind === "error" ? "no earlier error is kept" : "no earlier match is kept");
    else {
      const left = (pending.current?.left ?? stretchesMax) - 1;
      pending.current = left > 0 ? { kind, left } : undefined;
      setNote(left > 0 ? "looking through older lines" : "none in these older lines: step again to go on");
      if (left > 0) void store.loadOlder();
    }
  };

  useEffect(() => {
    const { store } = now.current;
    if (pending.current !== undefined && !store.state.isLoadingOlder) go(pending.current.kind, true);
  }, [wanted.rows]);
  useEffect(() => {
    const matches = (event: Event) => go("match", (event as CustomEvent<boolean>).detail);
    addEventListener(events.match, matches);
    return () => removeEventListener(events.match, matches);
  }, []);
  // A note about another search no longer applies.
  return { go, tell: setNote, note: note.of === wanted.finding?.asked ? note.text : "" };
}

/** `3 of 40`: among the loaded lines, counted from the oldest. */
function placeOf(rows: readonly Row[], key: string, test: (line: Line) => boolean): string {
  const found = rows.filter((row) => row.kind === "line" && test(row.line));
  return `${countOf(found.findIndex((row) => row.key === key) + 1)} of ${countOf(found.length)}`;
}

/** What a step looks for; `isOver`: it took too long, and nothing more is found. */
type Looking = { readonly test: (line: Line) => boolean; readonly isOver: boolean };

function testOf(kind: "match" | "error", finding: Finding | undefined): Looking | undefined {
  if (kind === "error") return { test: (line) => line.level === "error" && !line.isTrace, isOver: false };
  if (finding === undefined) return undefined;
  const endMs = performance.now() + lookMsMax;
  const looking = {
    isOver: false,
    test: ({ message }: Line) => {
      looking.isOver ||= performance.now() > endMs;
      return !looking.isOver && finding.isIn(message);
    },
  };
  return looking;
}

function nextIn(
  rows: readonly Row[],
  start: number,
  test: (line: Line) => boolean,
  back: boolean,
): string | undefined {
  const step = back ? -1 : 1;
  for (let n = start; n >= 0 && n < rows.length; n += step) {
    const row = rows[n]!;
    if (row.kind === "line" && test(row.line)) return row.key;
  }
  return undefined;
}
