/** The facts about what is on the screen: whether lines come, how many, where in the log it is, and what is missing. */
import { countOf, durationOf, linesOf, rateOf } from "../parts/words.ts";
import { copied } from "./line-detail.tsx";
import { short } from "./log-row.tsx";
import type { LogStore } from "./log-store.ts";
import { withoutColours } from "./sgr.ts";
import type { Row } from "./view-rows.ts";

type Props = {
  readonly store: LogStore;
  readonly rows: readonly Row[];
  readonly onFollow: () => void;
  readonly kept: string;
  /** The number of kept lines, filtered or not. */
  readonly keptCount: number | undefined;
  readonly note: string;
  readonly onNote: (text: string) => void;
};

export function PaneFoot({ store, rows, onFollow, kept, keptCount, note, onNote }: Props) {
  const { state } = store;
  const last = store.ring.last();
  const isBroken = state.stream.kind === "broken";
  const isSearched = state.stream.kind === "searched";
  const isRefused = state.stream.kind === "refused";
  const copyAll = async () => {
    const lines = rows.filter(({ kind }) => kind === "line").length;
    const isDone = await copied(textOf(rows));
    const of = keptCount !== undefined && keptCount > lines ? ` of ${countOf(keptCount)} kept` : "";
    onNote(isDone ? `copied: ${linesOf(lines)} that are loaded${of}` : "not copied: the browser refused");
  };
  if (isRefused && last === undefined) return null;
  return (
    <footer class="foot">
      {!isRefused && (
        <button
          type="button"
          class={`follow ${state.isFollowing && !isSearched ? "on" : ""}`}
          aria-pressed={isSearched ? undefined : state.isFollowing}
          onClick={() => (state.isFollowing && !isSearched ? store.pause() : onFollow())}
        >
          {isSearched ? "Search again" : state.isFollowing ? "Following" : "Follow"}
        </button>
      )}
      <StreamWords store={store} />
      {state.olderFault !== undefined && (
        <span class="bad" role="status">
          Older lines cannot be read. {state.olderFault} Trying again
        </span>
      )}
      {store.isFull && <span class="mute">older ones are not held: search until an earlier time</span>}
      {!isRefused && !isSearched && <span>{state.isPaceKnown ? rateOf(state.ratePerS) : "…"} lines/s</span>}
      {note !== "" && <span role="status">{note}</span>}
      <span class="rest">{kept}</span>
      {last && <span class="rest">position {short(last.position)}</span>}
      {state.missing !== undefined && !isRefused && !(isBroken && state.missing === 0) && (
        <span class={state.missing > 0 ? "bad" : "rest"}>
          {state.missing === 0 ? "nothing missing" : `${linesOf(state.missing)} missing`}
        </span>
      )}
      <span class="end buttons">
        <button type="button" class="plain" onClick={copyAll} title="the lines that are loaded, as text">
          Copy
        </button>
        <button type="button" class="plain" onClick={() => download(store.app, rows)}>
          Download
        </button>
        <button
          type="button"
          class="plain rest"
          onClick={() => dispatchEvent(new KeyboardEvent("keydown", { key: "?" }))}
        >
          <kbd>?</kbd> keys
        </button>
      </span>
    </footer>
  );
}

function StreamWords({ store }: { store: LogStore }) {
  const { stream, isFollowing } = store.state;
  if (stream.kind === "broken") {
    const seconds = (performance.now() - stream.sinceMs) / 1000;
    return (
      <span class="bad" role="status">
        {stream.why} Trying again{seconds >= 2 ? `, for ${durationOf(Math.round(seconds))}` : ""}
      </span>
    );
  }
  if (stream.kind === "refused") return <span class="bad">ended</span>;
  if (stream.kind === "searched") return <span class="mute">searched: no line comes live</span>;
  if (stream.kind === "connecting") return <span class="mute">connecting</span>;
  return isFollowing ? <b class="ok">live</b> : <b class="mute">paused, nothing moves</b>;
}

const textOf = (rows: readonly Row[]): string =>
  rows
    .flatMap((row) => (row.kind === "line" ? [row.line] : []))
    .map(({ timeMs, source, dyno, message }) => {
      const time = Number.isFinite(timeMs) ? new Date(timeMs).toISOString() : "-";
      return `${time} ${source}[${dyno}]: ${withoutColours(message)}\n`;
    })
    .join("");

function download(app: string, rows: readonly Row[]): void {
  const url = URL.createObjectURL(new Blob([textOf(rows)], { type: "text/plain" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = `${app}-${countOf(rows.length).replaceAll(",", "")}-lines.log`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
