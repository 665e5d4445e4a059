/**
 * Calls a provider's API, Heroku's partner API v3. Addresses are checked like those of drains, redirects are not
 * followed, and answers are bounded. A call is retried under the same uuid, by which the provider recognises it.
 */
import { type Secrets, secretsOf } from "../core/secrets/repeated-secrets.ts";
import {
  type AddressPolicy,
  atPort,
  checkedLookup,
  checkLiteral,
  type Resolve,
} from "../drains/addresses.ts";
import { addonAnswerUnusable, addonProviderFails, addonRefused } from "../errors/addons.ts";
import { AppError } from "../errors/app-error.ts";
import type { Clock } from "../ports.ts";
import type { Manifest } from "./manifest.ts";

/** All tries together stay below the 30 s that clients wait. */
const tryMsMax = 6_000;
const retryMs = [500, 2_000];
const answerBytesMax = 64 * 1024;
const saidCharsMax = 300;
/** Interim answers (1xx) to a call. */
const interimMax = 10;
const mediaType = "application/vnd.heroku-addons+json; version=3";

/** The parts of an answer that matter here. */
export type ProviderAnswer = {
  /** The resource will be ready later; the provider will say so. */
  readonly isLater: boolean;
  readonly id: string | undefined;
  readonly message: string | undefined;
  readonly config: Readonly<Record<string, string>>;
  readonly drainUrl: string | undefined;
};

type ProvisionBody = {
  readonly uuid: string;
  readonly name: string;
  readonly plan: string;
  readonly region: string;
  readonly callback_url: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly oauth_grant: {
    readonly code: string;
    readonly expires_at: string;
    readonly type: "authorization_code";
  };
  readonly log_drain_token?: string;
  readonly log_input_url?: string;
};

type Options = {
  readonly policy: AddressPolicy;
  readonly resolve: Resolve;
  readonly clock: Clock;
  /** Called with each call that failed for good, and with why, which the app's owner may not see whole. */
  readonly onFailure: (service: string, method: string, failure: AppError) => void;
};

export class Provider {
  readonly #options: Options;

  constructor(options: Options) {
    this.#options = options;
  }

  provision(manifest: Manifest, body: ProvisionBody): Promise<ProviderAnswer> {
    const { oauth_grant: grant, log_drain_token: drain, log_input_url: input } = body;
    const sent = [grant.code, drain ?? "", input === undefined ? "" : new URL(input).password];
    return this.#call(manifest, "POST", "", body, sent);
  }

  changePlan(manifest: Manifest, uuid: string, plan: string): Promise<ProviderAnswer> {
    return this.#call(manifest, "PUT", `/${uuid}`, { plan });
  }

  /** No error if the provider does not know it. */
  async deprovision(manifest: Manifest, uuid: string): Promise<void> {
    await this.#call(manifest, "DELETE", `/${uuid}`, undefined);
  }

  async #call(
    manifest: Manifest,
    method: Method,
    path: string,
    body: object | undefined,
    sent: readonly string[] = [],
  ): Promise<ProviderAnswer> {
    const secrets = secretsIn(manifest, sent);
    for (let attempt = 0; ; attempt++) {
      const found = await this.#try({ manifest, method, path, body, secrets });
      if (!(found instanceof Error)) return found;
      const waitMs = found.retryAfterS === undefined ? undefined : retryMs[attempt];
      if (waitMs === undefined) {
        this.#options.onFailure(manifest.id, method, found);
        throw found;
      }
      await this.#options.clock.sleep(waitMs);
    }
  }

  async #try({ manifest, method, path, body, secrets }: Call): Promise<ProviderAnswer | AppError> {
    const url = new URL(manifest.baseUrl + path);
    const { policy, resolve } = this.#options;
    const port = Number(url.port || (url.protocol === "https:" ? 443 : 80));
    const { Agent, request } = await import("undici"); // most servers never need it
    const agent = new Agent({
      connect: { lookup: checkedLookup(atPort(policy, port), resolve), timeout: tryMsMax },
      maxResponseSize: answerBytesMax,
    });
    let isAnswered = false;
    let interim = 0;
    const tooMany = new AbortController();
    try {
      checkLiteral(url.hostname.replace(/^\[|\]$/g, ""), atPort(policy, port));
      const { statusCode, body: answer } = await request(url, {
        method,
        dispatcher: agent,
        signal: AbortSignal.any([AbortSignal.timeout(tryMsMax), tooMany.signal]),
        onInfo: () => {
          if (++interim > interimMax) tooMany.abort();
        },
        headers: {
          authorization: `Basic ${credentialsOf(manifest)}`,
          accept: mediaType,
          ...(body !== undefined && { "content-type": "application/json" }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      isAnswered = true;
      return judge({ manifest, method, secrets }, statusCode, await answer.text());
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "UND_ERR_RES_EXCEEDED_MAX_SIZE")
        return addonAnswerUnusable(manifest.id, `its answer is longer than ${answerBytesMax / 1024} KiB`);
      if (tooMany.signal.aborted)
        return addonAnswerUnusable(manifest.id, `it sent more than ${interimMax} interim answers (1xx)`);
      return addonProviderFails(manifest.id, reasonOf(error, isAnswered), error);
    } finally {
      await agent.destroy();
    }
  }
}

type Call = {
  readonly manifest: Manifest;
  readonly method: Method;
  readonly path: string;
  readonly body: object | undefined;
  readonly secrets: Secrets;
};

const credentialsOf = ({ id, password }: Manifest): string =>
  Buffer.from(`${id}:${password}`).toString("base64");

/** Secrets that a provider may repeat in its messages, which the server's log and every tenant of the service may see. */
function secretsIn(manifest: Manifest, sent: readonly string[]): Secrets {
  const { password, clientSecret, ssoSalt = "" } = manifest;
  const all = [credentialsOf(manifest), password, clientSecret, ssoSalt, ...sent];
  return secretsOf({ path: "" }, Object.fromEntries(all.entries()));
}

function judge(
  { manifest: { id, configVars }, method, secrets }: Pick<Call, "manifest" | "method" | "secrets">,
  status: number,
  text: string,
): ProviderAnswer | AppError {
  const said = objectIn(text);
  const message = typeof said?.message === "string" ? secrets.excerpt(said.message, saidCharsMax) : undefined;
  if (method === "DELETE" && (status === 404 || status === 410)) return nothingSaid;
  if (status >= 500 || status === 408 || status === 429)
    return addonProviderFails(id, `it answered ${status}`);
  const isMisled = status < 400 || (message === undefined && (status === 404 || status === 405));
  if ((status < 200 || status >= 300) && isMisled)
    return addonAnswerUnusable(id, `it answered ${status}: check the manifest's base_url`);
  if (status === 401 || status === 403)
    return addonAnswerUnusable(id, `it answered ${status}: check the manifest's id and password`);
  if (status >= 300) return addonRefused(id, message?.replace(/[.\s]+$/, "") ?? `it answered ${status}`);
  if (method === "DELETE") return nothingSaid;
  if (said === undefined) return addonAnswerUnusable(id, `it answered ${status} without a JSON object`);
  return answerIn(said, { id, configVars, method, status, message });
}

type Judged = Pick<Manifest, "id" | "configVars"> & {
  readonly method: Method;
  readonly status: number;
  readonly message: string | undefined;
};

function answerIn(
  { id, config, log_drain_url: drainUrl }: Said,
  { id: service, configVars, method, status, message }: Judged,
): ProviderAnswer | AppError {
  if (typeof id !== "string" && typeof id !== "number" && method === "POST")
    return addonAnswerUnusable(service, "it names no `id` of what it made");
  if (typeof (config ?? {}) !== "object" || Array.isArray(config))
    return addonAnswerUnusable(service, "its `config` is no object");
  for (const [name, value] of Object.entries(config ?? {})) {
    if (!configVars.includes(name))
      return addonAnswerUnusable(service, `its config var ${name.slice(0, 60)} is not in the manifest`);
    if (typeof value !== "string")
      return addonAnswerUnusable(service, `the value of its config var ${name} is no text`);
  }
  return {
    isLater: status === 202,
    id: typeof id === "string" || typeof id === "number" ? String(id).slice(0, 200) : undefined,
    message,
    config: (config ?? {}) as Record<string, string>,
    drainUrl: typeof drainUrl === "string" ? drainUrl : undefined,
  };
}

/** The answer of a provider that says nothing. */
export const nothingSaid: ProviderAnswer = {
  isLater: false,
  id: undefined,
  message: undefined,
  config: {},
  drainUrl: undefined,
};

type Method = "POST" | "PUT" | "DELETE";

type Said = Readonly<Record<string, unknown>>;

/** An empty body says nothing, which is enough of a changed plan. */
function objectIn(text: string): Said | undefined {
  try {
    const value = text.trim() === "" ? {} : JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** The reason, worded to reveal nothing about the operator's network. */
function reasonOf(error: unknown, isAnswered: boolean): string {
  if (error instanceof AppError) return error.message;
  if (error instanceof Error && error.name === "TimeoutError")
    return `it did not answer within ${tryMsMax / 1000} s`;
  const { name, code } = error as NodeJS.ErrnoException;
  if (name === "HTTPParserError" || code === "UND_ERR_HEADERS_OVERFLOW") return "its answer is no HTTP";
  return isAnswered ? "its answer broke off" : "it cannot be reached";
}
