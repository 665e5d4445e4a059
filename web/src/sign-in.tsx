/** Signs in with a key. It is sent to the server once, and no script can read what stays in the browser. */
import { useState } from "preact/hooks";
import { api } from "./api.ts";
import type { KeyFacts } from "./api-types.ts";
import { Failure } from "./parts/failure.tsx";
import { Icon } from "./parts/icons.tsx";

export function SignIn({ onSignedIn }: { onSignedIn: (key: KeyFacts) => void }) {
  const [key, setKey] = useState("");
  const [failure, setFailure] = useState("");
  const [isBusy, setBusy] = useState(false);
  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setFailure("");
    try {
      const session = await api.signIn(key);
      setKey("");
      onSignedIn(session.key!);
    } catch (error) {
      setFailure((error as Error).message);
    }
    setBusy(false);
  };
  return (
    <main class="whole">
      <form class="sign-in" onSubmit={submit}>
        <div class="brand">
          <Icon name="wave" />
          tailrace
        </div>
        <h1>Sign in</h1>
        <label for="key">API key</label>
        <input
          id="key"
          type="password"
          autocomplete="current-password"
          spellcheck={false}
          required
          value={key}
          aria-describedby="key-help"
          aria-invalid={failure !== ""}
          onInput={(event) => setKey(event.currentTarget.value)}
        />
        <Failure text={failure} />
        <button class="button" type="submit" disabled={isBusy}>
          {isBusy ? "Signing in" : "Sign in"}
        </button>
        <p class="mute" id="key-help">
          The operator's key is on the server, in the file <code>api-key</code> of its data folder:{" "}
          <code>cat data/api-key</code>, unless <code>--data</code> names another, or in{" "}
          <code>TAILRACE_API_KEY</code>. It makes keys for others with <code>tailrace keys:create</code>. You
          stay signed in for 12 hours.
        </p>
      </form>
    </main>
  );
}
