/** The bar above the log: the filter, the search, processes, and how lines are shown. */
import { useEffect, useRef, useState } from "preact/hooks";
import { Icon } from "../parts/icons.tsx";
import { isTyping } from "../parts/keys-help.tsx";
import { type LogView, panesMax } from "../route.ts";
import { type Filter, filterFromText, levels, textOfFilter } from "./filter.ts";

type Props = {
  readonly view: LogView;
  readonly change: (changed: Partial<LogView>) => void;
  readonly setFilter: (filter: Filter) => void;
  readonly find: string;
  readonly setFind: (find: string) => void;
  readonly dynos: ReadonlySet<string>;
};

/** Sent to the list that was used last. */
export const steps = { match: "tailrace:match", error: "tailrace:error" } as const;
export const step = (kind: keyof typeof steps, back: boolean): void => {
  dispatchEvent(new CustomEvent(steps[kind], { detail: back }));
};

export function LogBar({ view, change, setFilter, find, setFind, dynos }: Props) {
  const filterField = useRef<HTMLInputElement>(null);
  const findField = useRef<HTMLInputElement>(null);
  const given = textOfFilter(view.filter);
  const [text, setText] = useState(given);
  useEffect(() => setText(given), [given]);
  useEffect(() => {
    const focus = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event)) return;
      const field = event.key === "/" ? filterField : event.key === "s" ? findField : undefined;
      if (field === undefined) return;
      event.preventDefault();
      field.current?.select();
    };
    addEventListener("keydown", focus);
    return () => removeEventListener("keydown", focus);
  }, []);
  const submit = (event: Event) => {
    event.preventDefault();
    setFilter(filterFromText(text));
  };
  return (
    <div class="bar">
      <form class="filter" role="search" aria-label="filter" onSubmit={submit}>
        <input
          ref={filterField}
          type="search"
          onKeyDown={leave}
          spellcheck={false}
          autocapitalize="off"
          aria-label="Filter: words, dyno:, source:, level:, since:, and a minus for what is left out"
          placeholder="filter: timeout dyno:web level:error since:1h -healthz"
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
          onSearch={submit}
        />
      </form>
      <form
        class="find"
        aria-label="search"
        onSubmit={(event) => {
          event.preventDefault();
          step("match", true);
        }}
      >
        <input
          ref={findField}
          type="search"
          onKeyDown={leave}
          spellcheck={false}
          autocapitalize="off"
          aria-label="Search in these lines"
          placeholder="search"
          value={find}
          onInput={(event) => setFind(event.currentTarget.value)}
        />
        <button
          type="button"
          class="square"
          aria-label="match before"
          disabled={find === ""}
          onClick={() => step("match", true)}
        >
          <Icon name="up" />
        </button>
        <button
          type="button"
          class="square"
          aria-label="next match"
          disabled={find === ""}
          onClick={() => step("match", false)}
        >
          <Icon name="down" />
        </button>
      </form>
      <select
        aria-label="severity"
        value={view.filter.level ?? ""}
        onChange={(event) => setFilter(withLevel(view.filter, event.currentTarget.value))}
      >
        <option value="">every level</option>
        {levels.slice(0, 3).map((level) => (
          <option key={level} value={level}>
            {level === "error" ? "errors" : `${level} and worse`}
          </option>
        ))}
      </select>
      <ShowMenu view={view} change={change} dynos={dynos} />
    </div>
  );
}

/** Escape leaves a field, and what is in it stays. */
function leave(event: KeyboardEvent): void {
  if (event.key !== "Escape") return;
  event.preventDefault();
  (event.target as HTMLInputElement).blur();
}

function withLevel({ level: _, ...rest }: Filter, value: string): Filter {
  const level = levels.find((one) => one === value);
  return { ...rest, ...(level && { level }) };
}

function ShowMenu({ view, change, dynos }: Pick<Props, "view" | "change" | "dynos">) {
  const menu = useRef<HTMLDetailsElement>(null);
  useEffect(() => {
    const close = (event: Event) => {
      const isKey = event instanceof KeyboardEvent;
      if (isKey ? event.key === "Escape" : !menu.current?.contains(event.target as Node))
        menu.current?.removeAttribute("open");
    };
    addEventListener("pointerdown", close);
    addEventListener("keydown", close);
    return () => {
      removeEventListener("pointerdown", close);
      removeEventListener("keydown", close);
    };
  }, []);
  const toggle = (dyno: string) => {
    const panes = view.panes.includes(dyno)
      ? view.panes.filter((one) => one !== dyno)
      : [...view.panes, dyno];
    change({ panes: panes.slice(-panesMax) });
  };
  const names = [...new Set([...view.panes, ...dynos])].sort().slice(0, 40);
  return (
    <details class="show-menu" ref={menu}>
      <summary class="ghost">Show</summary>
      <div class="menu-box">
        <label>
          <input type="checkbox" checked={view.wrap} onChange={() => change({ wrap: !view.wrap })} />
          Wrap long lines
        </label>
        <label>
          <input
            type="checkbox"
            checked={view.zone === "utc"}
            onChange={() => change({ zone: view.zone === "utc" ? "local" : "utc" })}
          />
          Times in UTC
        </label>
        <fieldset>
          <legend>Side by side, up to {panesMax}</legend>
          {names.length === 0 && <span class="mute">No process was seen yet</span>}
          {names.map((dyno) => (
            <label key={dyno}>
              <input type="checkbox" checked={view.panes.includes(dyno)} onChange={() => toggle(dyno)} />
              {dyno}
            </label>
          ))}
        </fieldset>
      </div>
    </details>
  );
}
