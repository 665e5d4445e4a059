/** The keys of a list. */
import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { isTyping } from "../parts/keys-help.tsx";
import type { LogView } from "../route.ts";
import type { Line } from "./line.ts";
import { copied } from "./line-detail.tsx";
import type { ListHandle } from "./log-list.tsx";
import type { LogStore } from "./log-store.ts";
import { withoutColours } from "./sgr.ts";
import type { Steps } from "./use-steps.ts";
import type { Row } from "./view-rows.ts";

type Wanted = {
  readonly rows: readonly Row[];
  readonly selected: string | undefined;
  readonly setSelected: (key: string | undefined) => void;
  readonly setOpen: (isOpen: boolean) => void;
  readonly follow: () => void;
  readonly store: LogStore;
  readonly list: RefObject<ListHandle | undefined>;
  readonly change: (changed: Partial<LogView>) => void;
  readonly view: LogView;
  readonly line: Line | undefined;
  readonly linkOf: (line: Line) => string;
  readonly steps: Steps;
};

/** The list that gets keys pressed outside all lists: the newest one. */
let front: object | undefined;

export function usePaneKeys(wanted: Wanted): (event: KeyboardEvent) => void {
  const now = useRef(wanted);
  now.current = wanted;
  const self = useRef({}).current;
  const hear = (event: KeyboardEvent): void => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isTyping(event)) return;
    if ((event.target as HTMLElement).closest?.("dialog")) return;
    if (actOn(event.key, now.current)) event.preventDefault();
  };
  useEffect(() => {
    front ??= self;
    const outside = (event: KeyboardEvent) => front === self && hear(event);
    addEventListener("keydown", outside);
    return () => {
      removeEventListener("keydown", outside);
      if (front === self) front = undefined;
    };
  }, []);
  return (event) => {
    front = self;
    hear(event);
  };
}

/** True if the key was one of ours. */
function actOn(key: string, wanted: Wanted): boolean {
  const { setOpen, follow, store, list, change, view, line, linkOf, steps } = wanted;
  const actions: Readonly<Record<string, () => unknown>> = {
    n: () => steps.go("match", false),
    N: () => steps.go("match", true),
    e: () => steps.go("error", false),
    E: () => steps.go("error", true),
    j: () => move(wanted, 1),
    k: () => move(wanted, -1),
    Enter: () => setOpen(line !== undefined),
    Escape: () => {
      setOpen(false);
      list.current?.focus();
    },
    g: () => toOldest(wanted),
    G: follow,
    f: () => (store.state.isFollowing ? store.pause() : follow()),
    w: () => change({ wrap: !view.wrap }),
    t: () => change({ zone: view.zone === "utc" ? "local" : "utc" }),
    c: () => line && copy(steps, withoutColours(line.message), "the line"),
    l: () => line && copy(steps, linkOf(line), "a link to the line"),
    ArrowUp: () => store.pause(),
    PageUp: () => store.pause(),
    Home: () => toOldest(wanted),
    End: follow,
  };
  const act = actions[key];
  act?.();
  // The browser does the scrolling.
  return act !== undefined && !/^(?:Enter|ArrowUp|PageUp)$/.test(key);
}

function toOldest({ store, list }: Wanted): void {
  store.pause();
  list.current?.toStart();
}

async function copy(steps: Steps, text: string, what: string): Promise<void> {
  steps.tell((await copied(text)) ? `copied: ${what}` : "not copied: the browser refused");
}

function move({ rows, selected, setSelected, store, list }: Wanted, by: number): void {
  store.pause();
  const at = selected === undefined ? -1 : rows.findLastIndex(({ key }) => key === selected);
  let to = at === -1 ? rows.length - 1 : at + by;
  while (/^(?:day|skip|oldest)$/.test(rows[to]?.kind ?? "")) to += by; // not lines, but always between lines
  const next = rows[Math.min(rows.length - 1, Math.max(0, to))];
  if (next === undefined || next.kind === "oldest") return;
  setSelected(next.key);
  list.current?.show(next.key);
}
