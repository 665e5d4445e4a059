/** One drain: its state in sentences, its ledger, its lag and pace over time, and its actions. */
import { useState } from "preact/hooks";
import { isTestFailed } from "../../../src/core/records/failed-test.ts";
import { api } from "../api.ts";
import type { Drain, DrainTest } from "../api-types.ts";
import { Chart } from "../parts/chart.tsx";
import { Failure } from "../parts/failure.tsx";
import { countOf, dayOf, durationOf, linesOf, rateOf } from "../parts/words.ts";
import { DrainForm } from "./drain-form.tsx";
import { causeAndMend, healingOf, healthOf, paceOf, replayWords, whatFollows } from "./drain-words.ts";
import { LedgerBar } from "./ledger-bar.tsx";
import { ReplayForm } from "./replay-form.tsx";
import { lastMinuteOf, type Sample } from "./samples.ts";
import { TestSteps } from "./test-steps.tsx";

type Props = {
  readonly app: string;
  readonly drain: Drain;
  readonly samples: readonly Sample[];
  readonly mayChange: boolean;
  readonly reload: () => void;
};

/**
 * The server keeps a sample every 15 s, the page one every two: samples further apart than this have a gap between
 * them.
 */
const gapMsMax = 45_000;

type Open = "change" | "replay" | "remove" | undefined;

export function DrainCard({ app, drain, samples, mayChange, reload }: Props) {
  const { mark, word } = healthOf(drain);
  const [open, setOpen] = useState<Open>(undefined);
  const [busy, setBusy] = useState("");
  const [failure, setFailure] = useState("");
  const [test, setTest] = useState<DrainTest | undefined>(undefined);
  const act = async (name: string, run: () => Promise<unknown>) => {
    setBusy(name);
    setFailure("");
    try {
      await run();
      setOpen(undefined);
    } catch (error) {
      setFailure((error as Error).message);
    }
    setBusy("");
    reload();
  };
  // A drain that resumes after a pause tries at once, whatever it was waiting for.
  const tryNow = () =>
    act("try", async () => {
      await api.actOnDrain(app, drain.id, "pause");
      await api.actOnDrain(app, drain.id, "resume");
    });
  const toggle = (what: Open) => setOpen((now) => (now === what ? undefined : what));
  const done = () => {
    setOpen(undefined);
    reload();
  };
  const sendTest = () =>
    act("test", async () => setTest(await api.actOnDrain<DrainTest>(app, drain.id, "test")));
  const changed = (isElsewhere: boolean) => {
    setTest(undefined); // it was of the drain before
    if (isElsewhere) void sendTest();
    else done();
  };
  return (
    <article class="card" aria-label={`drain to ${shownUrl(drain.url)}`}>
      <header class="card-head">
        <span class={`state ${mark}`}>{word}</span>
        <code>{shownUrl(drain.url)}</code>
        <span class="mute end">
          {[
            drain.addon && `add-on ${drain.addon.name}`,
            drain.format,
            drain.compression,
            `since ${dayOf(Date.parse(drain.created_at), "local")}`,
          ]
            .filter(Boolean)
            .join(" · ")}
        </span>
      </header>
      <Why drain={drain} onTry={mayChange && busy === "" ? tryNow : undefined} />
      {drain.replay !== null && (
        <p class="replay" role="status">
          {replayWords(drain.replay)}
          {drain.replay.state === "sending" && (
            <progress
              aria-label="replay"
              max={drain.replay.lines}
              value={drain.replay.lines - drain.replay.left}
            />
          )}
        </p>
      )}
      <div class="two">
        <LedgerBar app={app} drain={drain} />
        <Lag samples={samples} drain={drain} />
      </div>
      {test && <TestSteps test={test} onClose={() => setTest(undefined)} />}
      <Failure text={failure} />
      {open === "change" && (
        <DrainForm app={app} drain={drain} onDone={changed} onCancel={() => setOpen(undefined)} />
      )}
      {open === "replay" && (
        <ReplayForm app={app} drain={drain} onDone={done} onCancel={() => setOpen(undefined)} />
      )}
      {open === "remove" && (
        <div class="confirm" role="alertdialog" aria-label="remove this drain">
          <p>
            Remove this drain?{" "}
            {drain.lag_lines > 0 ? `${linesOf(drain.lag_lines)} that wait are not sent.` : "No line waits."}{" "}
            Its counts go with it.
          </p>
          <button
            type="button"
            class="danger"
            disabled={busy !== ""}
            onClick={() => act("remove", () => api.removeDrain(app, drain.id))}
          >
            Remove it
          </button>
          <button type="button" class="ghost" onClick={() => setOpen(undefined)}>
            Keep it
          </button>
        </div>
      )}
      {mayChange && (
        <div class="acts">
          <button type="button" class="ghost" disabled={busy !== ""} onClick={sendTest}>
            {busy === "test" ? "Testing" : "Test"}
          </button>
          <button
            type="button"
            class="ghost"
            aria-expanded={open === "change"}
            onClick={() => toggle("change")}
          >
            Change
          </button>
          {drain.state === "paused" ? (
            <button
              type="button"
              class="ghost"
              disabled={busy !== ""}
              onClick={() => act("resume", () => api.actOnDrain(app, drain.id, "resume"))}
            >
              Resume
            </button>
          ) : (
            <button
              type="button"
              class="ghost"
              disabled={busy !== ""}
              onClick={() => act("pause", () => api.actOnDrain(app, drain.id, "pause"))}
            >
              Pause
            </button>
          )}
          <button
            type="button"
            class="ghost"
            aria-expanded={open === "replay"}
            onClick={() => toggle("replay")}
          >
            Replay
          </button>
          {drain.addon ? (
            <span class="mute end">It is removed with its add-on.</span>
          ) : (
            <button
              type="button"
              class="ghost end bad"
              aria-expanded={open === "remove"}
              onClick={() => toggle("remove")}
            >
              Remove
            </button>
          )}
        </div>
      )}
    </article>
  );
}

function Why({ drain, onTry }: { drain: Drain; onTry: (() => void) | undefined }) {
  const { last_test: test } = drain;
  if (test !== null && isTestFailed(drain)) {
    const { cause, mend } = causeAndMend(test.reason ?? "It does not say why");
    const since = `The test line of ${dayOf(Date.parse(test.at), "local", true)} was not taken, and no line since.`;
    return (
      <div class="why wait">
        <b>{cause}</b>
        {mend !== "" && <p class="mend">{mend}</p>}
        <p>
          {since} {drain.lag_lines > 0 && whatFollows(drain, Date.now())}
        </p>
      </div>
    );
  }
  if (drain.state === "paused")
    return (
      <div class="why wait">
        <b>It is paused.</b>
        <p>{whatFollows(drain, Date.now())} Resume it, and it goes on where it stopped.</p>
      </div>
    );
  if (drain.state !== "retrying") {
    const healing = healingOf(drain, Date.now());
    return healing === undefined ? null : <p class="healed">{healing}</p>;
  }
  const { cause, mend } = causeAndMend(drain.last_error?.message ?? "It does not get through");
  const since = drain.lag_seconds > 0 ? ` Lines wait for ${durationOf(drain.lag_seconds)}.` : "";
  const isWaiting = drain.next_attempt_at !== null && Date.parse(drain.next_attempt_at) > Date.now() + 1_000;
  return (
    <div class="why bad" role="status">
      <b>{cause}</b>
      {mend !== "" && <p class="mend">{mend}</p>}
      <p>
        {drain.lag_lines > 0 ? whatFollows(drain, Date.now()) : `${since} ${whatFollows(drain, Date.now())}`}
      </p>
      {isWaiting && onTry && (
        <button type="button" class="ghost" onClick={onTry}>
          Try now
        </button>
      )}
    </div>
  );
}

function Lag({ samples, drain }: { samples: readonly Sample[]; drain: Drain }) {
  return (
    <section>
      <h3>
        Waiting lines <span class="mute">· {paceOf(drain, lastMinuteOf(samples))}</span>
      </h3>
      <Chart
        title="waiting lines, of the last hour as far as this server ran the drain"
        timesMs={samples.map(({ atMs }) => atMs)}
        gapMsMax={gapMsMax}
        series={[
          { name: "waiting", colour: "--fill-warn", kind: "area", values: samples.map(({ lag }) => lag) },
        ]}
        height={76}
        zone="local"
        format={(value) => countOf(value)}
      />
      <h3>Delivered a second</h3>
      <Chart
        title="lines delivered a second, of the same time"
        timesMs={samples.map(({ atMs }) => atMs)}
        gapMsMax={gapMsMax}
        series={[
          {
            name: "delivered a second",
            colour: "--fill-ok",
            kind: "line",
            values: samples.map(({ rate }) => rate),
          },
        ]}
        height={76}
        zone="local"
        leastStep={0.5}
        format={(value) => `${rateOf(value)}/s`}
      />
    </section>
  );
}

/** Hides passwords and keys in a URL from people who look over a shoulder. */
function shownUrl(url: string): string {
  if (!URL.canParse(url)) return url;
  const { protocol, host, pathname, search, username, password } = new URL(url);
  const who = username || password ? "•••@" : "";
  const path = pathname === "/" ? "/" : pathname.replace(/[\w-]{20,}/g, "•••");
  return `${protocol}//${who}${host}${path}${search === "" ? "" : "?•••"}`;
}
