/**
 * One app's stream as the user sees it. It opens a session and reads it; after a break, it continues after the last
 * line that was yielded, so there is no gap and no repeat.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { type RetryPolicy, retryDelayMs } from "../../src/core/scheduling/retry.ts";
import { oneLine } from "../../src/core/terminal/terminal-text.ts";
import type { Api } from "../api/api.ts";
import type { OpenedSession, SessionBody } from "../api/api-types.ts";
import { EventStreamReader, type StreamEvent } from "../api/event-stream.ts";
import { type HttpAnswer, HttpClient } from "../api/http-client.ts";
import { CliError, networkReason } from "../errors.ts";
import type { PlacedLine } from "./interleave.ts";
import { gapAt } from "./neighbours.ts";
import { readSearched, type Searched } from "./search-words.ts";

/** The app and session to follow. */
export type FollowOptions = {
  readonly api: Api;
  readonly app: string;
  readonly session: SessionBody;
  /** The place to continue from: an event id of an earlier stream of this app. */
  readonly after?: string;
  /** Tells the user that the stream broke, that it continues, or that it continues with another log. */
  readonly note: (text: string) => void;
  /** Called with the first session, which says what the server grants. */
  readonly onOpened?: (session: OpenedSession) => void;
  /** Called with the server's progress, after the lines that came before it. */
  readonly onSearched?: (searched: Searched) => void;
};

/** A tail that has once been connected never gives up. */
const tailRetry: RetryPolicy = {
  delayMsMin: 250,
  delayMsMax: 10_000,
  factor: 2,
  attemptsMax: Number.POSITIVE_INFINITY,
  jitter: 0.2,
};
/** History is retried only a few times, because somebody waits for its end. */
const historyRetry: RetryPolicy = { ...tailRetry, attemptsMax: 3 };
/** The server sends something every 15 s; a connection that is silent for this long is dead. */
const silenceMsMax = 45_000;
const connectMsMax = 5_000;
/** How long to wait for the reason of an end before a reconnect is announced. */
const reasonMsMax = 1_000;
/** The longest wait before a reconnect that a server is granted. */
const retryMsMax = 10_000;
/** How many new sessions in a row may be refused as expired: more of them will not help. */
const expiriesMax = 3;

/** How one connection ended. */
type Ending =
  | { readonly kind: "ended" }
  | { readonly kind: "broken"; readonly reason: string }
  /** True when the session's address is not valid any more. */
  | { readonly kind: "expired"; readonly status: number };

/**
 * Yields the lines of each read; the return value is the place after the last one. Without `tail` it ends with the
 * history. A failure before the first line of an answer is thrown; later ones lead to a reconnect.
 */
export async function* follow(options: FollowOptions): AsyncGenerator<readonly PlacedLine[], string> {
  const follower = new Follower(options);
  try {
    return yield* follower.lines();
  } finally {
    follower.close();
  }
}

const isLine = ({ event }: StreamEvent): boolean => event === "message" || event === "gap";

class Follower {
  readonly #options: FollowOptions;
  readonly #client = new HttpClient({ connectMsMax, silenceMsMax });
  #url: URL | undefined;
  #after: string;
  #retryMs: number | undefined;
  /** Reconnects in a row without a line. */
  #attempt = 0;
  #expiries = 0;
  #connectedOnce = false;
  /** Set when the stream has broken and is not back yet. */
  #troubledAtMs: number | undefined;

  constructor(options: FollowOptions) {
    this.#options = options;
    this.#after = options.after ?? "";
  }

  async *lines(): AsyncGenerator<readonly PlacedLine[], string> {
    const { session, app } = this.#options;
    for (;;) {
      const ending = yield* this.#connection();
      if (ending.kind === "ended" && !session.tail) return this.#after;
      if (ending.kind === "expired") {
        const origin = this.#url?.origin;
        this.#url = undefined;
        if (++this.#expiries <= expiriesMax) continue;
        throw new CliError(
          `${origin} does not know the log session of ${app} (it answered ${ending.status}).`,
          "That address is the server's --public-url: have the operator check that it leads to this server.",
        );
      }
      if (ending.kind === "ended" && this.#attempt === 0) await this.#throwIfGone();
      await this.#waitToReconnect(ending);
    }
  }

  /** A server that stops ends its streams, too; then there is no answer. */
  async #throwIfGone(): Promise<void> {
    const { api, app } = this.#options;
    const refusal = api.app(app).then(
      () => undefined,
      (error: unknown) => error,
    );
    const error = await Promise.race([refusal, sleep(reasonMsMax)]);
    if (error instanceof CliError && !error.passing) throw error;
  }

  close(): void {
    this.#client.close();
  }

  async *#connection(): AsyncGenerator<readonly PlacedLine[], Ending> {
    const opened = await this.#open();
    if ("kind" in opened) return opened;
    const { app, note } = this.#options;
    if (this.#troubledAtMs !== undefined) {
      const seconds = Math.round((performance.now() - this.#troubledAtMs) / 1000);
      const place = this.#after === "" ? "" : "; it goes on behind the last line";
      note(`tailrace: ${app}: connected again after ${seconds} s${place}`);
    }
    this.#troubledAtMs = undefined;
    this.#connectedOnce = true;
    this.#expiries = 0;
    const reader = new EventStreamReader();
    const openedMs = performance.now();
    try {
      for await (const chunk of opened.body) {
        const events = reader.push(chunk);
        if (events.some(isLine) || performance.now() - openedMs > tailRetry.delayMsMax) this.#attempt = 0;
        let lines: PlacedLine[] = [];
        for (const event of events) {
          lines.push(...this.#linesOf(event));
          if (event.event !== "searched") continue;
          if (lines.length > 0) yield lines;
          lines = [];
          this.#tellSearched(event);
        }
        if (lines.length > 0) yield lines;
        this.#after = reader.lastEventId || this.#after;
        this.#retryMs = reader.retryMs;
      }
      return { kind: "ended" };
    } catch (error) {
      return { kind: "broken", reason: networkReason(error) };
    }
  }

  /** The lines of an event that are to be shown; other events are handled separately. */
  #linesOf({ id, event, data }: StreamEvent): readonly PlacedLine[] {
    const { app, note } = this.#options;
    const position = oneLine(id);
    if (event === "message") return [{ position, line: data }];
    if (event === "gap") return [gapAt(position)];
    if (event === "log-replaced")
      note(
        `tailrace: ${app}: this log is not the one that was read before (another server, a restored backup, or an app made again); it begins again with its oldest line`,
      );
    return [];
  }

  #tellSearched({ data }: StreamEvent): void {
    const searched = readSearched(data);
    if (searched !== undefined) this.#options.onSearched?.(searched);
  }

  async #newSession(): Promise<URL> {
    const { api, app, session, onOpened } = this.#options;
    const opened = await api.createSession(app, { ...session, progress: true });
    if (!this.#connectedOnce) onOpened?.(opened);
    return opened.url;
  }

  async #open(): Promise<{ body: AsyncIterable<Buffer> } | Ending> {
    let response: HttpAnswer;
    try {
      this.#url ??= await this.#newSession();
      response = await this.#client.request(this.#url, {
        headers: {
          accept: "text/event-stream",
          "user-agent": "tailrace-cli",
          ...(this.#after !== "" && { "last-event-id": this.#after }),
        },
      });
    } catch (error) {
      // An answer about the app or the key is final; silence is not.
      if (error instanceof CliError && !(error.passing && this.#connectedOnce)) throw error;
      return { kind: "broken", reason: error instanceof CliError ? "no answer" : networkReason(error) };
    }
    const { statusCode: status, headers, body } = response;
    if (status === 200 && String(headers["content-type"]).startsWith("text/event-stream")) return { body };
    body.destroy();
    if ([403, 404, 410].includes(status)) return { kind: "expired", status };
    if (status >= 500 || status === 429 || status === 408)
      return { kind: "broken", reason: `the server answered ${status}` };
    throw new CliError(
      `The log stream's address ${this.#url.origin} answered ${status} and no stream.`,
      "That address is the server's --public-url: check it, and any proxy before it.",
    );
  }

  async #waitToReconnect(ending: Ending): Promise<void> {
    const { app, session, note } = this.#options;
    const reason = ending.kind === "broken" ? ending.reason : "the server ended the stream";
    if (!this.#connectedOnce)
      throw new CliError(
        `The log stream of ${app} at ${this.#url?.origin} could not be read: ${reason}.`,
        "That address is the server's --public-url: it has to be reachable from here.",
      );
    const delayMs = retryDelayMs(session.tail ? tailRetry : historyRetry, this.#attempt, Math.random());
    if (delayMs === null) throw new CliError(`The log stream of ${app} broke off: ${reason}.`, "Try again.");
    if (this.#troubledAtMs === undefined) note(`tailrace: ${app}: ${reason}; connecting again`);
    this.#troubledAtMs ??= performance.now();
    const asked = this.#attempt++ === 0 ? this.#retryMs : undefined;
    await sleep(asked === undefined ? delayMs : Math.min(asked, retryMsMax));
  }
}
