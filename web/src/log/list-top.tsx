/** The text of a list without lines: why there are none, and what to do. */
import type { ComponentChildren } from "preact";
import type { LogView } from "../route.ts";
import { isSearch } from "./filter.ts";
import { textOfFilter } from "./filter-writing.ts";
import type { LogStore } from "./log-store.ts";
import { NoProcess } from "./no-process.tsx";
import type { Row } from "./view-rows.ts";

type Props = {
  readonly store: LogStore;
  readonly rows: readonly Row[];
  readonly view: LogView;
  /** How many lines are kept, and since when; empty: unknown. */
  readonly kept: string;
  readonly onClear: () => void;
};

export function ListTop({ store, rows, view, kept, onClear }: Props) {
  const { state } = store;
  const isFiltered = Object.keys(view.filter).length > 0;
  const clear = (
    <button type="button" class="plain" onClick={onClear}>
      Clear the filter
    </button>
  );
  if (state.isForeign)
    return <Empty title="This line is not there any more">Retention took it, or it is of another log.</Empty>;
  if (state.stream.kind === "refused")
    return (
      <Empty title={isFiltered ? "The filter cannot be used" : "The log cannot be shown"}>
        {wordsOf(state.stream.why)} {isFiltered && clear}
      </Empty>
    );
  if (rows.length > 0) return null;
  if (state.stream.kind === "connecting" || state.isLoadingOlder)
    return <div class="loading" role="status" aria-label="loading" />;
  if (isFiltered)
    return (
      <Empty title={`No line of ${store.app} matches ${textOfFilter(view.filter, view.zone)}`}>
        {kept !== "" && `Of ${kept}, none was found that passes the filter. `}
        {view.filter.dynos && <NoProcess app={store.app} dynos={view.filter.dynos} />}
        {!isSearch(view.filter) && "Lines that pass it show up here as they come."} {clear}
      </Empty>
    );
  if (Object.keys(store.filter).length > 0)
    return <Empty title="No line yet">Lines of this process show up here as they come.</Empty>;
  return (
    <Empty title="No line yet">
      Lines show up here as they come. Send some:
      <pre>tailrace run -a {store.app} -- echo hello</pre>
    </Empty>
  );
}

/** The API names its fields; the page has only one, the filter, whose text is an expression. */
const wordsOf = (why: string): string =>
  why
    .replace(
      /^`(?:match|exclude)` cannot be used: (?:error parsing regexp: )?(missing [^:]*|[^:]*): (.*)\. Write an RE2 expression;/s,
      "Its text is an expression: $1 in “$2”. Write \\( for a ( that is meant as itself, and so for . * + ? [ { | ^ $ and \\ itself. Expressions are RE2:",
    )
    .replace(/^`(?:match|exclude)`/, "The filter")
    .replaceAll("`", "");

const Empty = ({ title, children }: { title: string; children: ComponentChildren }) => (
  <div class="empty">
    <h2>{title}</h2>
    <p>{children}</p>
  </div>
);
