/** The server's API, the same that everybody uses. All paths are relative, so that the page works under any prefix. */
import { ApiFailure } from "./api-failure.ts";
import type {
  App,
  Drain,
  DrainHistory,
  LogHistogram,
  LogSummary,
  SessionBody,
  WebSession,
} from "./api-types.ts";

class Api {
  /** Called when the server says that nobody is signed in here. */
  onSignedOut: () => void = () => {};

  session = () => this.#call<WebSession>("GET", "web/session");
  signIn = (key: string) => this.#call<WebSession>("POST", "web/session", { key });
  signOut = () => this.#call<WebSession>("DELETE", "web/session");

  apps = () => this.#call<App[]>("GET", "apps");
  createApp = (name: string) => this.#call<App>("POST", "apps", name === "" ? {} : { name });
  summary = (app: string) => this.#call<LogSummary>("GET", `apps/${of(app)}/log-summary`);

  histogram = (app: string, query: URLSearchParams, signal: AbortSignal) =>
    this.#call<LogHistogram>("GET", `apps/${of(app)}/log-histogram?${query}`, undefined, signal);

  /** Resolves to the path of a stream. */
  async openSession(app: string, body: SessionBody, signal: AbortSignal): Promise<string> {
    const path = `apps/${of(app)}/log-sessions`;
    const { logplex_url: url } = await this.#call<{ logplex_url: string }>("POST", path, body, signal);
    return `sessions/${url.slice(url.lastIndexOf("/") + 1)}`;
  }

  drains = (app: string) => this.#call<Drain[]>("GET", `apps/${of(app)}/log-drains`);
  drainHistory = (app: string, id: string) =>
    this.#call<DrainHistory>("GET", `apps/${of(app)}/log-drains/${of(id)}/history`);
  /** How many lines a replay from that time would go through. */
  linesOfReplay = (app: string, id: string, since: string, signal: AbortSignal) =>
    this.#call<{ readonly lines: number }>(
      "GET",
      `apps/${of(app)}/log-drains/${of(id)}/replay?since=${of(since)}`,
      undefined,
      signal,
    );
  addDrain = (app: string, body: object) => this.#call<Drain>("POST", `apps/${of(app)}/log-drains`, body);
  changeDrain = (app: string, id: string, body: object) =>
    this.#call<Drain>("PATCH", `apps/${of(app)}/log-drains/${of(id)}`, body);
  removeDrain = (app: string, id: string) =>
    this.#call<Drain>("DELETE", `apps/${of(app)}/log-drains/${of(id)}`);
  actOnDrain = <Answer = Drain>(app: string, id: string, action: string, body: object = {}) =>
    this.#call<Answer>("POST", `apps/${of(app)}/log-drains/${of(id)}/actions/${action}`, body);

  /** Metrics of the node in Prometheus format; undefined if they are served at another address. */
  async figures(): Promise<string | undefined> {
    const { isOk, text } = await this.#answer("metrics", {});
    return isOk ? text : undefined;
  }

  async #call<Answer>(method: string, path: string, body?: object, signal?: AbortSignal): Promise<Answer> {
    const { isOk, status, text } = await this.#answer(path, {
      method,
      headers: body === undefined ? {} : { "content-type": "application/json" },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(signal && { signal }),
    });
    const answer = jsonOf(text);
    if (isOk) return answer as Answer;
    if (status === 401 && path !== "web/session") this.onSignedOut();
    throw new ApiFailure(status, answer.message ?? `The server answered ${status}.`);
  }

  async #answer(path: string, asked: RequestInit): Promise<{ isOk: boolean; status: number; text: string }> {
    try {
      const response = await fetch(path, { cache: "no-store", ...asked });
      return { isOk: response.ok, status: response.status, text: await textOf(response) };
    } catch (error) {
      if (error instanceof ApiFailure || (error as Error).name === "AbortError") throw error;
      throw new ApiFailure(0, "The server does not answer.");
    }
  }
}

/** The longest answer that is read as a whole: a list of more than a hundred thousand apps. */
const answerBytesMax = 64 * 1024 * 1024;

async function textOf({ body }: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for (const reader = body?.getReader(); reader !== undefined; ) {
    const { done, value } = await reader.read();
    if (done) break;
    bytes += value.length;
    text += decoder.decode(value, { stream: true });
    if (bytes <= answerBytesMax) continue;
    void reader.cancel().catch(() => {});
    throw new ApiFailure(0, `The server's answer has more than ${answerBytesMax / 2 ** 20} MiB.`);
  }
  return text + decoder.decode();
}

// A proxy may answer in HTML, and some answers have no body.
function jsonOf(text: string): { readonly message?: string } {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

const of = encodeURIComponent;

export const api = new Api();
