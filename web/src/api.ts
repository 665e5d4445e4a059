/** The server's API, the same as everybody's. All paths are relative, so that the page works under any prefix. */
export type App = { readonly id: string; readonly name: string };
export type KeyFacts = {
  readonly id: string;
  readonly operator: boolean;
  readonly all_apps: boolean;
  readonly read_only: boolean;
};
export type WebSession = {
  readonly signed_in: boolean;
  readonly key: KeyFacts | null;
  readonly expires_at: string | null;
};
export type LogSummary = {
  readonly position: string;
  readonly end_line: number;
  readonly oldest: { readonly line: number; readonly accepted_at: string } | null;
  readonly recent: { readonly seconds: number; readonly lines: number; readonly errors: number };
  readonly newest: {
    readonly accepted_at: string;
    readonly source: string;
    readonly dyno: string;
    readonly severity: string;
    readonly message: string;
  } | null;
  readonly drains: {
    readonly idle: number;
    readonly delivering: number;
    readonly retrying: number;
    readonly paused: number;
    readonly lag_lines: number;
  };
};
export type SessionBody = Readonly<Record<string, unknown>>;
export type DrainState = "idle" | "delivering" | "retrying" | "paused";
export type Drain = {
  readonly id: string;
  readonly token: string;
  readonly url: string;
  readonly created_at: string;
  readonly format?: string;
  readonly compression?: string | null;
  readonly filter?: Readonly<Record<string, unknown>> | null;
  readonly state: DrainState;
  readonly last_error: { readonly at: string; readonly message: string } | null;
  readonly lag_lines: number;
  readonly lag_seconds: number;
  readonly rate: number;
  readonly next_attempt_at: string | null;
  readonly delivered: number;
  readonly refused: number;
  readonly lost: number;
  readonly filtered: number;
  readonly replayed: number;
  readonly delivered_at: string | null;
};
export type DrainTest = {
  readonly kind: "delivered" | "retry" | "split" | "refused";
  readonly reason: string | null;
  readonly expiring: string | null;
  readonly steps: readonly {
    readonly name: string;
    readonly ms: number;
    readonly detail: string;
    readonly failed: boolean;
  }[];
};

/** An answer that is not what was asked for: in the server's own words. `status` 0: there was no answer. */
export class ApiFailure extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export class Api {
  /** Told when the server says that nobody is signed in here. */
  onSignedOut: () => void = () => {};

  session = () => this.#call<WebSession>("GET", "web/session");
  signIn = (key: string) => this.#call<WebSession>("POST", "web/session", { key });
  signOut = () => this.#call<WebSession>("DELETE", "web/session");

  apps = () => this.#call<App[]>("GET", "apps");
  createApp = (name: string) => this.#call<App>("POST", "apps", name === "" ? {} : { name });
  summary = (app: string) => this.#call<LogSummary>("GET", `apps/${of(app)}/log-summary`);

  /** The path of a stream. */
  async openSession(app: string, body: SessionBody, signal: AbortSignal): Promise<string> {
    const path = `apps/${of(app)}/log-sessions`;
    const { logplex_url: url } = await this.#call<{ logplex_url: string }>("POST", path, body, signal);
    return `sessions/${url.slice(url.lastIndexOf("/") + 1)}`;
  }

  drains = (app: string) => this.#call<Drain[]>("GET", `apps/${of(app)}/log-drains`);
  addDrain = (app: string, body: object) => this.#call<Drain>("POST", `apps/${of(app)}/log-drains`, body);
  changeDrain = (app: string, id: string, body: object) =>
    this.#call<Drain>("PATCH", `apps/${of(app)}/log-drains/${of(id)}`, body);
  removeDrain = (app: string, id: string) =>
    this.#call<Drain>("DELETE", `apps/${of(app)}/log-drains/${of(id)}`);
  actOnDrain = <Answer = Drain>(app: string, id: string, action: string, body: object = {}) =>
    this.#call<Answer>("POST", `apps/${of(app)}/log-drains/${of(id)}/actions/${action}`, body);

  /** Figures of the node, as Prometheus reads them; undefined where they are told at another address. */
  async figures(): Promise<string | undefined> {
    const response = await fetch("metrics", { cache: "no-store" });
    return response.ok ? response.text() : undefined;
  }

  async #call<Answer>(method: string, path: string, body?: object, signal?: AbortSignal): Promise<Answer> {
    const response = await fetch(path, {
      method,
      cache: "no-store",
      headers: body === undefined ? {} : { "content-type": "application/json" },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(signal && { signal }),
    }).catch((error: Error) => {
      if (error.name === "AbortError") throw error;
      throw new ApiFailure(0, "The server does not answer.");
    });
    const answer = await response.json().catch(() => ({}));
    if (response.ok) return answer as Answer;
    if (response.status === 401 && path !== "web/session") this.onSignedOut();
    throw new ApiFailure(response.status, answer.message ?? `The server answered ${response.status}.`);
  }
}

const of = encodeURIComponent;

export const api = new Api();
