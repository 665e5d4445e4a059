/**
 * Calls a provider's API, Heroku's partner API v3. Addresses are checked like those of drains, redirects are not
 * followed, and answers are bounded. A call is retried under the same uuid, by which the provider recognises it.
 */
import {
  type AddressPolicy,
  atPort,
  checkedLookup,
  checkLiteral,
  type Resolve,
} from "../drains/addresses.ts";
import { addonProviderFails, addonRefused } from "../errors/addons.ts";
import { AppError } from "../errors/app-error.ts";
import type { Clock } from "../ports.ts";
import type { Manifest } from "./manifest.ts";

/** All tries together stay below the 30 s that clients wait. */
const tryMsMax = 6_000;
const retryMs = [500, 2_000];
const answerBytesMax = 64 * 1024;
const saidCharsMax = 300;
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

type Options = { readonly policy: AddressPolicy; readonly resolve: Resolve; readonly clock: Clock };

export class Provider {
  readonly #options: Options;

  constructor(options: Options) {
    this.#options = options;
  }

  provision(manifest: Manifest, body: ProvisionBody): Promise<ProviderAnswer> {
    return this.#call(manifest, "POST", "", body);
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
  ): Promise<ProviderAnswer> {
    for (let attempt = 0; ; attempt++) {
      const found = await this.#try(manifest, method, path, body);
      if (!(found instanceof Error)) return found;
      const waitMs = found.status === 503 ? retryMs[attempt] : undefined;
      if (waitMs === undefined) throw found;
      await this.#options.clock.sleep(waitMs);
    }
  }

  async #try(
    manifest: Manifest,
    method: Method,
    path: string,
    body: object | undefined,
  ): Promise<ProviderAnswer | AppError> {
    const url = new URL(manifest.baseUrl + path);
    const { policy, resolve } = this.#options;
    const port = Number(url.port || (url.protocol === "https:" ? 443 : 80));
    const { Agent, request } = await import("undici"); // most servers never need it
    const agent = new Agent({
      connect: { lookup: checkedLookup(atPort(policy, port), resolve), timeout: tryMsMax },
      maxResponseSize: answerBytesMax,
    });
    try {
      checkLiteral(url.hostname.replace(/^\[|\]$/g, ""), atPort(policy, port));
      const { statusCode, body: answer } = await request(url, {
        method,
        dispatcher: agent,
        signal: AbortSignal.timeout(tryMsMax),
        headers: {
          authorization: `Basic ${Buffer.from(`${manifest.id}:${manifest.password}`).toString("base64")}`,
          accept: mediaType,
          ...(body !== undefined && { "content-type": "application/json" }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      return this.#judge(manifest, method, statusCode, await answer.text());
    } catch (error) {
      return addonProviderFails(manifest.id, reasonOf(error));
    } finally {
      await agent.destroy();
    }
  }

  #judge(
    { id, configVars }: Manifest,
    method: Method,
    status: number,
    text: string,
  ): ProviderAnswer | AppError {
    const said = jsonIn(text);
    const message = typeof said.message === "string" ? said.message.slice(0, saidCharsMax) : undefined;
    const isGone = method === "DELETE" && (status === 404 || status === 410);
    if (!isGone && (status >= 500 || status === 408 || status === 429))
      return addonProviderFails(id, `it answered ${status}`);
    if (!isGone && (status < 200 || status >= 300))
      return addonRefused(id, message ?? `it answered ${status}`);
    const config = (said.config ?? {}) as Record<string, unknown>;
    const odd = Object.entries(config).find(
      ([name, value]) => !configVars.includes(name) || typeof value !== "string",
    );
    if (method !== "DELETE" && odd !== undefined)
      return addonRefused(
        id,
        `it answered a config var that its manifest does not name, or no text (${odd[0].slice(0, 60)})`,
      );
    return {
      isLater: status === 202,
      id:
        typeof said.id === "string" || typeof said.id === "number"
          ? String(said.id).slice(0, 200)
          : undefined,
      message,
      config: config as Record<string, string>,
      drainUrl: typeof said.log_drain_url === "string" ? said.log_drain_url : undefined,
    };
  }
}

type Method = "POST" | "PUT" | "DELETE";

function jsonIn(text: string): Record<string, unknown> {
  try {
    const value = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};
  } catch {
    return {};
  }
}

/** The reason, worded to reveal nothing about the operator's network. */
function reasonOf(error: unknown): string {
  if (error instanceof AppError) return error.message;
  if (error instanceof Error && error.name === "TimeoutError")
    return `it did not answer within ${tryMsMax / 1000} s`;
  return "it cannot be reached";
}
