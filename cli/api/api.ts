/**
 * A typed client of the control API: the Heroku Platform API, plus logplex v3 for tokens. Every failure is a `CliError`
 * that says what to do.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { findKey, type KeyFinding, serverUrl, type Variables } from "../environment.ts";
import {
  answered,
  answerUnclear,
  asSentence,
  codeOf,
  keyRefused,
  notTailrace,
  unreachable,
} from "../errors.ts";
import { nameLike } from "../likeness.ts";
import type { RunnerReport, Wanted } from "../up/wanted.ts";
import { flawOfAnswer } from "./answer-forms.ts";
import type {
  App,
  Authorization,
  DeployBody,
  Drain,
  DrainBody,
  DrainChangesBody,
  DrainTestResult,
  DynoInfo,
  FormationEntry,
  FormationUpdate,
  IngestToken,
  KeyBody,
  OpenedSession,
  Release,
  RunnerInfo,
  Sender,
  SessionBody,
  TokenMarks,
} from "./api-types.ts";
import { inCommands } from "./api-words.ts";
import { HttpClient } from "./http-client.ts";

const callMsMax = 30_000;
const connectMsMax = 5_000;
/** How long a call that waits for a change stays open. */
const waitSeconds = 25;
/** Waits before a call is retried when the port is closed: the server may just be starting. */
const refusedRetryMs = [100, 300];

/** A proxy's statuses, which it often sends without an explanation; a server explains what is wrong. */
const proxyStatuses: ReadonlySet<number> = new Set([502, 503, 504]);

export class Api {
  readonly url: URL;
  readonly #findKey: () => KeyFinding;
  readonly #client = new HttpClient({ connectMsMax });

  /** Reads the address at once, but the key file only when the first call needs it. */
  constructor(variables: Variables) {
    this.url = serverUrl(variables);
    this.#findKey = () => findKey(variables, this.url);
  }

  apps(): Promise<App[]> {
    return this.#call("GET", "/apps");
  }
  createApp(name: string | undefined, generation?: string): Promise<App> {
    return this.#call("POST", "/apps", { ...(name && { name }), ...(generation && { generation }) });
  }
  destroyApp(app: string): Promise<App> {
    return this.#call("DELETE", path`/apps/${app}`);
  }

  keys(): Promise<Authorization[]> {
    return this.#call("GET", "/oauth/authorizations");
  }
  createKey(body: KeyBody): Promise<Authorization> {
    return this.#call("POST", "/oauth/authorizations", body);
  }
  updateKey(id: string, body: KeyBody): Promise<Authorization> {
    return this.#call("PATCH", path`/oauth/authorizations/${id}`, body);
  }
  revokeKey(id: string): Promise<Authorization> {
    return this.#call("DELETE", path`/oauth/authorizations/${id}`);
  }

  tokens(app: string): Promise<IngestToken[]> {
    return this.#call("GET", path`/v3/channels/${app}/tokens`);
  }
  createToken(app: string, source: string, marks: TokenMarks = {}): Promise<IngestToken> {
    return this.#call("POST", path`/v3/channels/${app}/tokens`, { name: source, ...marks });
  }
  senders(): Promise<Sender[]> {
    return this.#call("GET", path`/senders`);
  }
  async revokeToken(app: string, token: string): Promise<void> {
    await this.#answer("DELETE", path`/v3/channels/${app}/tokens/${token}`);
  }
  /** The app's tokens for these sources, in order. A source that the app has not used before gets one. */
  async tokensFor(app: string, sources: readonly string[]): Promise<IngestToken[]> {
    const tokens = await this.tokens(app);
    const found: IngestToken[] = [];
    for (const source of sources)
      found.push(tokens.find(({ name }) => name === source) ?? (await this.createToken(app, source)));
    return found;
  }

  /**
   * The address for sending lines with a token, which is part of it: the one that the server gives senders, or else the
   * server's own.
   */
  sendingUrl({ token, url }: IngestToken): string {
    if (url !== undefined && URL.canParse(url)) return url;
    const own = this.logsUrl;
    own.username = "token";
    own.password = token;
    return own.href;
  }

  drains(app: string): Promise<Drain[]> {
    return this.#call("GET", path`/apps/${app}/log-drains`);
  }
  addDrain(app: string, body: DrainBody): Promise<Drain> {
    return this.#call("POST", path`/apps/${app}/log-drains`, body);
  }
  drain(app: string, drain: string): Promise<Drain> {
    return this.#call("GET", path`/apps/${app}/log-drains/${drain}`);
  }
  /** Signs with this secret and the previous one. */
  rotateSecret(app: string, drain: string, secret: string): Promise<Drain> {
    return this.#call("POST", path`/apps/${app}/log-drains/${drain}/actions/rotate`, { secret });
  }
  updateDrain(app: string, drain: string, changes: DrainChangesBody): Promise<Drain> {
    return this.#call("PATCH", path`/apps/${app}/log-drains/${drain}`, changes);
  }
  removeDrain(app: string, drain: string): Promise<Drain> {
    return this.#call("DELETE", path`/apps/${app}/log-drains/${drain}`);
  }
  testDrain(app: string, drain: string): Promise<DrainTestResult> {
    return this.#call("POST", path`/apps/${app}/log-drains/${drain}/actions/test`, {});
  }
  /** `pause`, `resume` and `replay`; returns the drain. */
  actOnDrain<Answer = Record<string, unknown>>(
    app: string,
    drain: string,
    action: string,
    body: object = {},
  ): Promise<Answer> {
    return this.#call("POST", path`/apps/${app}/log-drains/${drain}/actions/${action}`, body);
  }

  account(): Promise<{ readonly email: string }> {
    return this.#call("GET", "/account");
  }
  app(app: string): Promise<App> {
    return this.#call("GET", path`/apps/${app}`);
  }
  formation(app: string): Promise<FormationEntry[]> {
    return this.#call("GET", path`/apps/${app}/formation`);
  }
  scale(app: string, updates: readonly FormationUpdate[]): Promise<FormationEntry[]> {
    return this.#call("PATCH", path`/apps/${app}/formation`, { updates });
  }
  configVars(app: string): Promise<Record<string, string>> {
    return this.#call("GET", path`/apps/${app}/config-vars`);
  }
  /** Null removes a var. */
  configure(app: string, changes: Readonly<Record<string, string | null>>): Promise<Record<string, string>> {
    return this.#call("PATCH", path`/apps/${app}/config-vars`, changes);
  }
  releases(app: string): Promise<Release[]> {
    return this.#call("GET", path`/apps/${app}/releases`);
  }
  deploy(app: string, body: DeployBody): Promise<Release> {
    return this.#call("POST", path`/apps/${app}/releases`, body);
  }
  finishRelease(app: string, version: number, status: "succeeded" | "failed"): Promise<Release> {
    return this.#call("PATCH", path`/apps/${app}/releases/${String(version)}`, { status });
  }
  dynos(app: string): Promise<DynoInfo[]> {
    return this.#call("GET", path`/apps/${app}/dynos`);
  }
  /** A dyno (`web.1`), a process type (`web`), or all. */
  async restart(app: string, target: string | undefined): Promise<void> {
    if (target === undefined) await this.#call("DELETE", path`/apps/${app}/dynos`);
    else if (target.includes(".")) await this.#call("DELETE", path`/apps/${app}/dynos/${target}`);
    else await this.#call("DELETE", path`/apps/${app}/formations/${target}`);
  }
  async stop(app: string, target: string): Promise<void> {
    if (target.includes(".")) await this.#call("POST", path`/apps/${app}/dynos/${target}/actions/stop`, {});
    else await this.#call("POST", path`/apps/${app}/formations/${target}/actions/stop`, {});
  }
  runner(app: string): Promise<RunnerInfo[]> {
    return this.#call("GET", path`/apps/${app}/runner`);
  }
  async report(app: string, report: RunnerReport): Promise<void> {
    await this.#call("PUT", path`/apps/${app}/runner`, report);
  }
  async leave(app: string, runner: string): Promise<void> {
    await this.#call("DELETE", `${path`/apps/${app}/runner`}?id=${runner}`);
  }
  /** The wanted dynos: at once, or as soon as there is a newer revision than `after`. */
  wanted(app: string, after?: number): Promise<Wanted> {
    const query = after === undefined ? "" : `?after=${after}&seconds=${waitSeconds}`;
    return this.#call("GET", path`/apps/${app}/runner/wanted` + query);
  }

  async createSession(app: string, body: SessionBody): Promise<OpenedSession> {
    type Reply = { logplex_url: string; lines?: number; lines_max?: number };
    const reply = await this.#call<Reply>("POST", path`/apps/${app}/log-sessions`, body);
    return {
      url: this.#streamUrl(reply.logplex_url),
      lines: reply.lines,
      linesMax: reply.lines_max,
    };
  }

  #streamUrl(given: string): URL {
    if (URL.canParse(given, this.url.href)) return new URL(given, this.url);
    throw answerUnclear(this.url.origin, "its `logplex_url` is no URL");
  }

  /** The address that accepts an app's lines, without a token. */
  get logsUrl(): URL {
    return this.#at("/logs");
  }

  /** A call that only one command makes; the values in `at` are already encoded. */
  call<Answer>(method: Method, at: string, body?: object): Promise<Answer> {
    return this.#call(method, at, body);
  }

  close(): void {
    this.#client.close();
  }

  #at(pathAndQuery: string): URL {
    return new URL(this.url.href.replace(/\/$/, "") + pathAndQuery);
  }

  async #call<Answer>(method: Method, at: string, body?: object): Promise<Answer> {
    const answer = await this.#answer(method, at, body);
    if (answer === undefined) throw notTailrace(this.url.origin, "it answered 204 without a body");
    return answer as Answer;
  }

  /** The JSON of an answer; undefined if it has none (204). */
  async #answer(method: Method, at: string, body?: object): Promise<unknown> {
    const finding = this.#findKey();
    const response = await this.#send(method, at, finding.key, body);
    const { statusCode: status } = response;
    if (status === 401) throw keyRefused(finding);
    if (status === 204) return undefined;
    const answer = parseJson(response.text);
    if (status >= 200 && status < 300) {
      if (answer === undefined) throw notTailrace(this.url.origin, "its answer is not JSON");
      const flaw = flawOfAnswer(method, at, answer);
      if (flaw !== undefined) throw answerUnclear(this.url.origin, flaw);
      return answer;
    }
    const failure = failureIn(answer);
    const changesNothing = method === "GET" || at.endsWith("/log-sessions");
    if (status === 404 && failure.resource === "app" && changesNothing) {
      const like = nameLike(appIn(at), await this.#appNames(finding));
      if (like !== undefined)
        throw answered(
          404,
          asSentence(`There is no app ${appIn(at)}`),
          `Did you mean ${like}? ${appsList}`,
          failure.code,
        );
    }
    throw this.#explain(status, at, failure);
  }

  /** For suggestions after a mistyped name: empty if they cannot be listed. */
  async #appNames({ key }: KeyFinding): Promise<readonly string[]> {
    try {
      const apps = parseJson((await this.#send("GET", "/apps", key)).text);
      return Array.isArray(apps) ? apps.map(({ name }) => String(name)) : [];
    } catch {
      return [];
    }
  }

  async #send(method: Method, at: string, key: string | undefined, body?: object) {
    for (let attempt = 0; ; attempt++) {
      try {
        const answer = await this.#client.request(this.#at(at), {
          method,
          signal: AbortSignal.timeout(callMsMax),
          headers: {
            accept: "application/vnd.heroku+json; version=3",
            "user-agent": "tailrace-cli",
            ...(key !== undefined && { authorization: `Bearer ${key}` }),
            ...(body !== undefined && { "content-type": "application/json" }),
          },
          ...(body !== undefined && { body: JSON.stringify(body) }),
        });
        return { statusCode: answer.statusCode, text: await answer.text() };
      } catch (error) {
        const waitMs = codeOf(error) === "ECONNREFUSED" ? refusedRetryMs[attempt] : undefined;
        if (waitMs === undefined) throw unreachable(this.url, error, callMsMax);
        await sleep(waitMs);
      }
    }
  }

  #explain(status: number, at: string, body: ErrorBody) {
    const said = body.message ?? body.error;
    if (proxyStatuses.has(status) && said === undefined)
      return answered(
        status,
        `A proxy at ${this.url.origin} answered ${status}: it does not reach the server behind it.`,
        "Try again in a moment, as the server may be starting; if this lasts, tell its operator.",
      );
    if (status >= 500 && said === undefined)
      return answered(
        status,
        `The server at ${this.url.origin} answered ${status}.`,
        "Tell its operator: its own log says why.",
      );
    if (said === undefined) return notTailrace(this.url.origin, `it answered ${status} without a message`);
    return answered(
      status,
      asSentence(inCommands(said, appIn(at))),
      mendFor(status, at, body.resource),
      body.code,
    );
  }
}

type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
type ErrorBody = { readonly [Field in "message" | "error" | "resource" | "code"]: string | undefined };

/** The rest of a longer text of a failure is left out. */
const saidCharsMax = 2_000;

/** The words of a failure, in whatever was answered. */
function failureIn(answer: unknown): ErrorBody {
  const textAt = (field: string): string | undefined => {
    const value = (answer as Readonly<Record<string, unknown>> | null | undefined)?.[field];
    if (typeof value !== "string") return undefined;
    return value.length > saidCharsMax ? `${value.slice(0, saidCharsMax)}…` : value;
  };
  const [message, error, resource, code] = ["message", "error", "resource", "code"].map(textAt);
  return { message, error, resource, code };
}

/** Builds a path; every value is percent-encoded once, so that a URL can name a drain. */
function path(texts: TemplateStringsArray, ...values: string[]): string {
  return texts.reduce((built, text, i) => built + encodeURIComponent(values[i - 1]!) + text);
}

/** The server's message has its own mend; only we can name a command that helps. */
function mendFor(status: number, at: string, resource: string | undefined): string {
  if (status !== 404) return "";
  if (resource === "app") return appsList;
  if (resource === "log_drain") return `"tailrace drains -a ${appIn(at)}" lists the drains of the app.`;
  if (resource === "token") return `"tailrace tokens -a ${appIn(at)}" lists the tokens of the app.`;
  if (resource === "add_on") return '"tailrace addons" lists the add-ons of all apps.';
  if (resource === "key") return 'A key is named by its id: "tailrace keys" lists them.';
  return "";
}

const appsList = '"tailrace apps" lists the apps that this key may see.';

/** The app in a path: `/apps/APP/…` or `/v3/channels/APP/…`. */
const appIn = (at: string): string =>
  decodeURIComponent(/^\/(?:apps|v3\/channels)\/([^/]+)/.exec(at)?.[1] ?? "APP");

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
