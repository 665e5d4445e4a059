/** Sending lines once more. */
import { useState } from "preact/hooks";
import { api, type Drain } from "../api.ts";

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
  const submit = async (event: Event) => {
    event.preventDefault();
    try {
      await api.actOnDrain(app, drain.id, "replay", { since: since.trim() });
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
          onInput={(event) => setSince(event.currentTarget.value)}
          required
        />
      </label>
      <datalist id={`spans-${drain.id}`}>
        {spans.map((span) => (
          <option key={span} value={span} />
        ))}
      </datalist>
      <p class="mute">
        As <code>10m</code>, <code>2h</code>, or a time like <code>2026-01-31T12:00:00Z</code>. What was
        delivered before comes twice at the receiver; live lines wait until the replay is through.
      </p>
      {failure !== "" && (
        <p class="failure" role="alert">
          {failure}
        </p>
      )}
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
