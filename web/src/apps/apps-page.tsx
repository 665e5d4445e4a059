/** A summary of all apps: pace, errors, the last line, and the health of their drains. */
import { useState } from "preact/hooks";
import { gradeOf, levelOf } from "../../../src/core/message/level.ts";
import { api } from "../api.ts";
import type { App, KeyFacts, LogSummary } from "../api-types.ts";
import { edgeOf, isNoticeOf } from "../log/line.ts";
import { Message } from "../log/message-text.tsx";
import { Process } from "../log/process-name.tsx";
import type { Go } from "../page.tsx";
import { Failure } from "../parts/failure.tsx";
import type { Loaded } from "../parts/use-store.ts";
import { clockOf, countOf } from "../parts/words.ts";
import { hashOf, logOf, plainView } from "../route.ts";
import type { FoundApps } from "./found-apps.ts";
import { MoreApps } from "./more-apps.tsx";
import { paceOf } from "./sidebar.tsx";
import { drainHealth, type Summaries } from "./summaries.ts";

type Props = {
  readonly apps: Loaded<App[]>;
  readonly found: FoundApps;
  readonly summaries: Summaries;
  readonly keyFacts: KeyFacts;
  readonly go: Go;
};

/** If an app writes much, its newest lines cover less than a minute: the count then says how much. */
const minuteS = 60;

export function AppsPage({ apps, found, summaries, keyFacts, go }: Props) {
  const { value, failure } = apps;
  return (
    <main class="scrolls">
      <header class="head">
        <h1>Apps</h1>
        {value !== undefined && <span class="mute">{countOf(value.length)}</span>}
        {keyFacts.all_apps && !keyFacts.read_only && <NewApp go={go} reload={apps.reload} />}
      </header>
      {failure !== undefined && (
        <p class="failure page-note" role="alert">
          {failure} It is asked again.
        </p>
      )}
      {value?.length === 0 && <NoApps />}
      {value !== undefined && value.length > 0 && (
        <div class="table-wrap" tabIndex={0} role="region" aria-label="apps, a table">
          <table class="apps">
            <thead>
              <tr>
                <th>App</th>
                <th class="number">Pace</th>
                <th class="number wraps">Errors, last{"\u00a0"}minute</th>
                <th>Drains</th>
                <th class="wide">Last line</th>
              </tr>
            </thead>
            <tbody>
              {found.shown.map(({ name }) => (
                <AppRow key={name} name={name} summary={summaries.get(name)} isAway={failure !== undefined} />
              ))}
            </tbody>
          </table>
          <MoreApps left={found.left} />
        </div>
      )}
    </main>
  );
}

type RowProps = {
  readonly name: string;
  readonly summary: LogSummary | undefined;
  readonly isAway: boolean;
};

function AppRow({ name, summary, isAway }: RowProps) {
  const { mark, words } = drainHealth(summary, isAway);
  const errors = summary?.recent.errors ?? 0;
  const newest = summary?.newest;
  return (
    <tr>
      <th scope="row">
        <a href={hashOf(logOf(name))}>{name}</a>
      </th>
      <td class="number pace">{summary === undefined ? "…" : paceOf(summary)}</td>
      <td class="number errors">
        {errors > 0 ? (
          <a class="bad" href={hashOf(logOf(name, { level: "error" }))}>
            {countOf(errors)}
            <span class="on-phone"> {errors === 1 ? "error" : "errors"}</span>
            {summary!.recent.seconds < minuteS && ` in ${summary!.recent.seconds} s`}
          </a>
        ) : (
          <span class="mute">none</span>
        )}
      </td>
      <td class="drains-of">
        <a class="drain-health" href={hashOf({ page: "app", app: name, tab: "drains", view: plainView })}>
          {mark !== "none" && <span class={`dot ${mark}`} aria-hidden="true" />}
          <span class={mark === "none" ? "mute" : ""}>{words}</span>
        </a>
      </td>
      <td class="wide last-line">{newest && <LastLine newest={newest} />}</td>
    </tr>
  );
}

/** Looks like its row in the log. */
function LastLine({ newest }: { newest: NonNullable<LogSummary["newest"]> }) {
  const { message, source, dyno, severity } = newest;
  const timeMs = Date.parse(newest.accepted_at);
  const line = { message, source, dyno, timeMs, isNotice: isNoticeOf(newest) };
  return (
    <div class={`last ${edgeOf(gradeOf(levelOf(message, severity)), line.isNotice)}`}>
      <span class="mute">{clockOf(timeMs, "local").time}</span> <Process line={line} />{" "}
      <Message line={line} find={undefined} />
    </div>
  );
}

const NoApps = () => (
  <div class="empty">
    <h2>There are no apps yet</h2>
    <p>Run a program with its lines going here, and an app is made for it:</p>
    <pre>tailrace run -a hello --create -- sh -c 'while sleep 1; do date; done'</pre>
  </div>
);

function NewApp({ go, reload }: { go: Go; reload: () => void }) {
  const [name, setName] = useState<string | undefined>(undefined);
  const [failure, setFailure] = useState("");
  if (name === undefined) {
    return (
      <button type="button" class="ghost end" onClick={() => setName("")}>
        New app
      </button>
    );
  }
  const submit = async (event: Event) => {
    event.preventDefault();
    try {
      const app = await api.createApp(name);
      reload();
      go(logOf(app.name));
    } catch (error) {
      setFailure((error as Error).message);
    }
  };
  return (
    <form class="inline end" onSubmit={submit}>
      <input
        aria-label="Name of the new app"
        placeholder="name, or empty for one that is made"
        value={name}
        onInput={(event) => setName(event.currentTarget.value)}
      />
      <button class="button" type="submit">
        Make it
      </button>
      <button type="button" class="ghost" onClick={() => setName(undefined)}>
        Cancel
      </button>
      <Failure text={failure} />
    </form>
  );
}
