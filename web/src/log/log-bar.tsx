/** The bar above the log: the filter, the search, processes, and how lines are shown. */
import { useEffect, useRef, useState } from "preact/hooks";
import { grades } from "../../../src/core/message/level.ts";
import { Icon } from "../parts/icons.tsx";
import { isTyping } from "../parts/keys-help.tsx";
import { type LogView, unreadIn } from "../route.ts";
import type { Filter } from "./filter.ts";
import { type FilterText, filterFromText, filterWords, hintOf } from "./filter-text.ts";
import { textOfFilter } from "./filter-writing.ts";
import { ShowMenu } from "./show-menu.tsx";

type Props = {
  readonly app: string;
  readonly view: LogView;
  readonly change: (changed: Partial<LogView>) => void;
  readonly setFilter: (filter: Filter) => void;
  readonly find: string;
  readonly setFind: (find: string) => void;
  /** Why that cannot be searched for. */
  readonly findFlaw: string | undefined;
};

/** Events for the list that was used last. */
export const steps = { match: "tailrace:match", error: "tailrace:error" } as const;
const step = (kind: keyof typeof steps, back: boolean): void => {
  dispatchEvent(new CustomEvent(steps[kind], { detail: back }));
};

export function LogBar({ app, view, change, setFilter, find, setFind, findFlaw }: Props) {
  const filterField = useRef<HTMLInputElement>(null);
  const findField = useRef<HTMLInputElement>(null);
  const given = textOfFilter(view.filter, view.zone);
  const [text, setText] = useState(given);
  const [flaw, setFlaw] = useState<Extract<FilterText, { kind: "bad" }> | undefined>(undefined);
  const show = (shown: string) => {
    setText(shown);
    setFlaw(undefined);
  };
  useEffect(() => show(given), [given]);
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
    const read = filterFromText(text, Date.now(), view.zone);
    if (read.kind === "bad") return setFlaw(read);
    setFlaw(undefined);
    setFilter(read.filter);
  };
  const isUnsent = text.trim() !== given.trim();
  const unread = unreadIn(location.hash, location.search);
  const hint = isUnsent
    ? "Not in force yet: Enter filters by it."
    : unread.length > 0
      ? `The link also says ${unread.map((one) => `“${one.slice(0, 60)}”`).join(", ")}, which this page cannot read.`
      : hintOf(given);
  return (
    <div class="bar">
      <form class="filter" role="search" aria-label="filter" onSubmit={submit}>
        <input
          ref={filterField}
          type="search"
          onKeyDown={leave}
          spellcheck={false}
          autocapitalize="off"
          aria-label={`Filter: words, ${filterWords}, and a minus for what is left out`}
          placeholder="filter: timeout dyno:web level:error since:1h -healthz"
          class={isUnsent ? "unsent" : ""}
          aria-invalid={flaw !== undefined}
          aria-describedby={flaw || hint ? "filter-flaw" : undefined}
          value={text}
          onInput={(event) => show(event.currentTarget.value)}
          onSearch={submit}
        />
        {flaw && (
          <p class="filter-flaw" id="filter-flaw" role="alert">
            <b>{flaw.message}</b> {flaw.mend}
          </p>
        )}
        {!flaw && hint !== undefined && (
          <p class="filter-flaw hint" id="filter-flaw" role="status">
            {hint}
          </p>
        )}
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
          aria-invalid={findFlaw !== undefined}
          aria-describedby={findFlaw ? "find-flaw" : undefined}
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
        {isBetween(view.filter.level) && (
          <option value={view.filter.level}>{view.filter.level} and worse</option>
        )}
        {grades.slice(0, 3).map((level) => (
          <option key={level} value={level}>
            {level === "error" ? "errors" : `${level} and worse`}
          </option>
        ))}
      </select>
      <ShowMenu app={app} view={view} change={change} />
      {findFlaw !== undefined && (
        <p class="filter-flaw" id="find-flaw" role="alert">
          {findFlaw}
        </p>
      )}
    </div>
  );
}

/** Escape leaves a field without changing it. */
function leave(event: KeyboardEvent): void {
  if (event.key !== "Escape") return;
  event.preventDefault();
  (event.target as HTMLInputElement).blur();
}

/** True for a level without an entry of its own in the menu, such as that of `level:crit`. */
const isBetween = (level: string | undefined): boolean =>
  level !== undefined && !grades.slice(0, 3).some((one) => one === level);

function withLevel({ level: _, ...rest }: Filter, value: string): Filter {
  return { ...rest, ...(value !== "" && { level: value }) };
}
