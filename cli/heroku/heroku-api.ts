/**
 * Heroku's Platform API, read-only: GET is the only method here. Lists are read page by page (`Range`, `Next-Range`),
 * and a 429 is waited out. Redirects are not followed, so that the key reaches no other address.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { type HttpAnswer, HttpClient } from "../api/http-client.ts";
import { asSentence, CliError, networkReason } from "../errors.ts";
import type { HerokuKey } from "./heroku-key.ts";
import {
  answerBytesMax,
  callMsMax,
  connectMsMax,
  pagesMax,
  waitMsDefault,
  waitMsMax,
  waitsMax,
} from "./limits.ts";

type HerokuApiOptions = {
  readonly url: URL;
  readonly key: HerokuKey;
  /** Called when Heroku asks to wait. */
  readonly onWait: (ms: number) => void;
  readonly sleepMs?: (ms: number) => Promise<unknown>;
};

/** An answer: its JSON, or Heroku's explanation that this key may not see it, or that it does not exist. */
export type Read<Value> =
  | { readonly kind: "read"; readonly value: Value }
  | { readonly kind: "forbidden" | "absent"; readonly message: string };

type Page = Read<unknown> & { readonly nextRange?: string };

export class HerokuApi {
  readonly #options: HerokuApiOptions;
  readonly #client = new HttpClient({ connectMsMax, silenceMsMax: callMsMax });

  constructor(options: HerokuApiOptions) {
    this.#options = options;
  }

  async one<Value>(path: string): Promise<Read<Value>> {
    return (await this.#get(path)) as Read<Value>;
  }

  /** The entries of all pages. */
  async list<Value>(path: string): Promise<Read<readonly Value[]>> {
    const all: Value[] = [];
    let range: string | undefined;
    for (let pages = 0; pages < pagesMax; pages++) {
      const page = await this.#get(path, range);
      if (page.kind !== "read") return page;
      if (!Array.isArray(page.value)) throw this.#odd(path, "it is no list");
      all.push(...page.value);
      if (page.nextRange === undefined) return { kind: "read", value: all };
      range = page.nextRange;
    }
    throw this.#odd(path, `it has more than ${pagesMax} pages`);
  }

  close(): void {
    this.#client.close();
  }

  async #get(path: string, range?: string): Promise<Page> {
    for (let waits = 0; ; waits++) {
      const { status, headers, text } = await this.#answer(path, range);
      if (status === 429) {
        await this.#wait(headers["retry-after"], waits);
        continue;
      }
      const said = jsonIn(text);
      const message = messageIn(said) ?? `it answered ${status}`;
      if (status === 401) throw this.#refused(message);
      if (status === 403) return { kind: "forbidden", message };
      if (status === 404) return { kind: "absent", message };
      if (status !== 200 && status !== 206) throw this.#odd(path, message);
      if (said === undefined) throw this.#odd(path, "it is no JSON");
      const nextRange = status === 206 ? headers["next-range"] : undefined;
      return { kind: "read", value: said, ...(typeof nextRange === "string" && { nextRange }) };
    }
  }

  async #answer(path: string, range: string | undefined) {
    const { url, key } = this.#options;
    try {
      const answer = await this.#client.request(new URL(url.href.replace(/\/$/, "") + path), {
        method: "GET",
        signal: AbortSignal.timeout(callMsMax),
        headers: {
          accept: "application/vnd.heroku+json; version=3",
          authorization: `Bearer ${key.key}`,
          "user-agent": "tailrace-cli",
          ...(range !== undefined && { range }),
        },
      });
      return { status: answer.statusCode, headers: answer.headers, text: await boundedText(answer) };
    } catch (error) {
      if (error instanceof TooLong) throw this.#odd(path, `it has more than ${answerBytesMax / 1048576} MiB`);
      const mend = "Check the network and --api, and try again: what was made already is not made twice.";
      throw new CliError(`No answer from ${url.origin}: ${networkReason(error)}.`, mend, { passing: true });
    }
  }

  async #wait(retryAfter: string | undefined, waits: number): Promise<void> {
    const seconds = Number(retryAfter ?? Number.NaN);
    const ms = Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : waitMsDefault;
    if (waits >= waitsMax || ms > waitMsMax)
      throw new CliError(
        "Heroku lets this account make no more calls for now.",
        "Try again in some minutes: what was made already is not made twice.",
        { passing: true },
      );
    this.#options.onWait(ms);
    await (this.#options.sleepMs ?? sleep)(ms);
  }

  #refused(message: string): CliError {
    const { url, key } = this.#options;
    return new CliError(
      `${url.origin} does not accept this key (${key.origin}): ${message}`,
      "Set HEROKU_API_KEY to one that it knows: `heroku auth:token` prints yours.",
    );
  }

  #odd(path: string, what: string): CliError {
    const { origin } = this.#options.url;
    const message = `What ${origin} answered to GET ${path} cannot be used: ${what}`;
    return new CliError(asSentence(message), "Check --api.");
  }
}

class TooLong extends Error {}

async function boundedText({ body }: HttpAnswer): Promise<string> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of body as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes > answerBytesMax) {
      body.destroy();
      throw new TooLong();
    }
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString();
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function messageIn(said: unknown): string | undefined {
  const message = (said as { message?: unknown } | undefined | null)?.message;
  return typeof message === "string" ? message.slice(0, 300) : undefined;
}
