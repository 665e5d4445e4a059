/** Sends lines again, and says how many. */
import { useEffect, useState } from "preact/hooks";
import { timeAsked, timeForms } from "../../../src/core/time/time-words.ts";
import { api } from "../api.ts";
import type { Drain } from "../api-types.ts";
import { Failure } from "../parts/failure.tsx";
import { linesOf } from "../parts/words.ts";

/** The time is parsed after typing has stopped for this long. */
const restMs = 300;
const spans = ["10m", "1h", "6h", "24h", "7d"] as const;

type Props = {
  readonly app: string;
  readonly drain: Drain;
  readonly onDone: () => void;
  readonly onCancel: () => void;
};

export function ReplayForm({ app, drain, onDone, onCancel }: Props) {
  const [since, setSince] = useState("1h");
  const [failure, setFailure] = useState("");
  const [count, setCount] = useState<number | undefined>(undefined);
  const asked = timeAsked(since.trim(), Date.now());
  useEffect(() => {
    setCount(undefined);
    if (asked === undefined) return;
    const over = new AbortController();
    const timer = setTimeout(async () => {
      const found = await api.linesOfReplay(app, drain.id, asked, over.signal).catch(() => undefined);
      if (!over.signal.aborted) setCount(found?.lines);
    }, restMs);
    return () => {
      clearTimeout(timer);
      over.abort();
    };
  }, [since]);
  const submit = async (event: Event) => {
    event.preventDefault();
    if (asked === undefined) {
      setFailure(`“${since}” is no time. Write one as ${timeForms.replaceAll("'", "")}.`);
      return;
    }
    try {
      await api.actOnDrain(app, drain.id, "replay", { since: asked });
      onDone();
    } catch (error) {
      setFailure((error as Error).message);
    }
  };
  return (
    <form class="form" onSubmit={submit}>
      <h3>Send lines once more</h3>
      <label>
        Lines since
        <input
          value={since}
          list={`spans-${drain.id}`}
          onInput={(event) => {
            setSince(event.currentTarget.value);
            setFailure("");
          }}
          required
        />
      </label>
      <datalist id={`spans-${drain.id}`}>
        {spans.map((span) => (
          <option key={span} value={span} />
        ))}
      </datalist>
      <p role="status">
        {count === undefined
          ? "\u00a0"
          : count === 0
            ? "There is no line since then."
            : `It goes through ${linesOf(count)}${Object.keys(drain.filter ?? {}).length > 0 ? ", and sends those that its filter keeps" : ""}.`}
      </p>
      <p class="mute">
        As <code>10m</code>, <code>yesterday 14:30</code>, or <code>2026-01-31T12:00:00Z</code>. What was
        delivered before comes twice at the receiver; live lines wait until the replay is through.
      </p>
      <Failure text={failure} />
      <div class="buttons">
        <button type="submit" class="button">
          Replay
        </button>
        <button type="button" class="ghost" onClick={onCancel}>
          Cancel
        </button>
      </div>
    </form>
  );
}
