/** Adds or changes a drain. A field that is left alone changes nothing. */
import { useState } from "preact/hooks";
import { api } from "../api.ts";
import type { Drain } from "../api-types.ts";
import { Failure } from "../parts/failure.tsx";
import { dynosIn, headersIn } from "./drain-fields.ts";

type Props = {
  readonly app: string;
  readonly drain?: Drain;
  /** `isElsewhere`: the destination, or how it is written to, may be another now. */
  readonly onDone: (isElsewhere: boolean) => void;
  readonly onCancel: () => void;
};

const formats = [
  "logplex",
  "rfc5424",
  "ndjson",
  "otlp",
  "otlp-json",
  "loki",
  "datadog",
  "newrelic",
  "splunk",
  "betterstack",
] as const;

export function DrainForm({ app, drain, onDone, onCancel }: Props) {
  const [url, setUrl] = useState(drain?.url ?? "");
  const [format, setFormat] = useState("");
  const [gzip, setGzip] = useState(drain?.compression === "gzip");
  const [headers, setHeaders] = useState("");
  const [dynos, setDynos] = useState("");
  const [isVerified, setVerified] = useState(true);
  const [failure, setFailure] = useState("");
  const [isBusy, setBusy] = useState(false);

  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setFailure("");
    const chosen = dynosIn(dynos);
    const body = {
      ...(url !== drain?.url && { url: url.trim() }),
      ...(format !== "" && { format }),
      ...(gzip !== (drain?.compression === "gzip") && { compression: gzip ? "gzip" : null }),
      ...(headers.trim() !== "" && { headers: headersIn(headers) }),
      ...(chosen.length > 0 && { filter: { dynos: chosen } }),
      ...(drain === undefined && isVerified && { verify: true }),
    };
    try {
      if (drain === undefined) await api.addDrain(app, body);
      else await api.changeDrain(app, drain.id, body);
      onDone(Object.keys(body).some((name) => name !== "filter"));
    } catch (error) {
      setFailure(onPage((error as Error).message));
      setBusy(false);
    }
  };

  const busyWord = drain !== undefined ? "Saving" : isVerified ? "Testing" : "Adding";
  return (
    <form class="form card" onSubmit={submit}>
      <h3>{drain === undefined ? "A new drain" : "Change this drain"}</h3>
      <label>
        {drain?.addon ? `URL, which the provider of ${drain.addon.name} sets` : "URL"}
        <input
          value={url}
          required
          readOnly={Boolean(drain?.addon)}
          spellcheck={false}
          autocapitalize="off"
          placeholder="https://logs.example.com/in, syslog+tls://host:6514 or http://127.0.0.1:8700/"
          onInput={(event) => setUrl(event.currentTarget.value)}
        />
      </label>
      <div class="fields-row">
        <label>
          Format
          <select value={format} onChange={(event) => setFormat(event.currentTarget.value)}>
            <option value="">{drain === undefined ? "as the URL says" : "as it is"}</option>
            {formats.map((one) => (
              <option key={one} value={one}>
                {one}
              </option>
            ))}
          </select>
        </label>
        <label>
          Only processes
          <input
            value={dynos}
            placeholder={drain === undefined ? "all: web, worker.1" : "as it is"}
            onInput={(event) => setDynos(event.currentTarget.value)}
          />
        </label>
      </div>
      <label>
        Headers, one a line
        <textarea
          rows={2}
          spellcheck={false}
          value={headers}
          placeholder={drain === undefined ? "Authorization: Bearer …" : "as they are"}
          onInput={(event) => setHeaders(event.currentTarget.value)}
        />
      </label>
      <label class="check">
        <input type="checkbox" checked={gzip} onChange={(event) => setGzip(event.currentTarget.checked)} />
        Compress with gzip
      </label>
      {drain === undefined && (
        <label class="check">
          <input
            type="checkbox"
            checked={isVerified}
            onChange={(event) => setVerified(event.currentTarget.checked)}
          />
          Send a test line first, and add it only when that is taken
        </label>
      )}
      <Failure text={failure} />
      <div class="buttons">
        <button type="submit" class="button" disabled={isBusy}>
          {isBusy ? busyWord : drain === undefined ? "Add the drain" : "Save"}
        </button>
        <button type="button" class="ghost" onClick={onCancel}>
          Cancel
        </button>
      </div>
    </form>
  );
}

/** The API names its field; on the page that is a checkbox. */
const onPage = (why: string): string =>
  why.replace(
    "add the drain without `verify`",
    "add the drain without the test line, which the box below chooses",
  );
