/** The route of log streams on a real port, over a given log, and a client that reads it as slowly as a test wants. */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { type ClientRequest, get, type IncomingMessage } from "node:http";
import Fastify, { type FastifyInstance } from "fastify";
import { realClock } from "../../src/clock.ts";
import { Canoniser } from "../../src/core/batch/canonical.ts";
import { formattingOf } from "../../src/core/format/format.ts";
import { type ChannelId, newChannelId, newProducerId } from "../../src/core/ids.ts";
import { AppError } from "../../src/errors/app-error.ts";
import { tailLimits } from "../../src/limits.ts";
import type { Patterns } from "../../src/patterns/patterns.ts";
import type { ChannelLog } from "../../src/ports.ts";
import { operatorKeyId } from "../../src/registry/keys.ts";
import { FormatCache } from "../../src/tail/format-cache.ts";
import { sessionStreams } from "../../src/tail/http.ts";
import { Recent } from "../../src/tail/recent.ts";
import type { SearchesLimits } from "../../src/tail/searches.ts";
import { type SessionSpec, SessionUrls, sessionIdCharsMax } from "../../src/tail/session-url.ts";
import { sessionParts } from "../../src/tail/tail-part.ts";
import { Tails, type TailsOptions } from "../../src/tail/tails.ts";
import { placeBeside } from "../support/batches.ts";
import { EventStreamParser } from "../support/event-stream.ts";
import { openPatterns } from "../support/patterns.ts";

export type StreamServerOptions = Partial<TailsOptions> & {
  ringsBytesMax?: number;
  historyLines?: number;
  patterns?: Parameters<typeof openPatterns>[0];
  searches?: Partial<SearchesLimits>;
};

export class StreamServer {
  readonly log: ChannelLog;
  readonly channel: ChannelId = newChannelId();
  readonly urls = new SessionUrls({ secret: randomBytes(32), clock: realClock, operatorSecret: "" });
  readonly tails: Tails;
  readonly recent: Recent;
  readonly patterns: Patterns;
  /** Channels that nobody may read. */
  readonly gone = new Set<ChannelId>();
  /** Ends the right of every stream that is open. */
  readonly rights = new Set<AbortController>();
  /** Times that a batch was formatted. */
  formatted = 0;
  origin = "";
  readonly #server: FastifyInstance;
  readonly #producer = newProducerId();
  #line = 0;

  private constructor(log: ChannelLog, options: StreamServerOptions) {
    this.log = log;
    const { ringsBytesMax = 1 << 24, historyLines = 1500, patterns, searches, ...tails } = options;
    this.patterns = openPatterns(patterns);
    const defaults = {
      tailsMax: 2000,
      tailsPerAppMax: 1500,
      heartbeatMs: 15_000,
      stallMsMax: 60_000,
      historyStallMsMax: 60_000,
      unreadBytesMax: 1 << 27,
    };
    this.tails = new Tails({ ...defaults, closeMsMax: 500, ...tails });
    this.recent = new Recent({ log, clock: realClock, historyLines, expiryMs: 604_800_000, ringsBytesMax });
    const formats = new FormatCache({
      bytesMax: 1 << 24,
      begin: (...args) => {
        this.formatted++;
        return formattingOf(...args);
      },
    });
    const given = { log, recent: this.recent, clock: realClock, selector: this.patterns.selector };
    this.#server = Fastify({ routerOptions: { maxParamLength: sessionIdCharsMax } });
    this.#server.setErrorHandler(async (error, _, reply) => {
      const { status, retryAfterS, code, message } = error as AppError;
      if (!(error instanceof AppError)) throw error;
      if (retryAfterS !== undefined) reply.header("retry-after", retryAfterS);
      return reply.code(status).send({ code, message });
    });
    this.#server.register(sessionStreams, {
      parts: { ...sessionParts(given, { ...tailLimits, ...searches }), formats },
      urls: this.urls,
      tails: this.tails,
      rights: {
        take: async (_, channel) => {
          if (this.gone.has(channel)) return undefined;
          const ending = new AbortController();
          this.rights.add(ending);
          return { over: ending.signal, release: () => this.rights.delete(ending) };
        },
      },
    });
  }

  static async start(log: ChannelLog, options: StreamServerOptions = {}): Promise<StreamServer> {
    const server = new StreamServer(log, options);
    server.origin = await server.#server.listen({ host: "127.0.0.1", port: 0 });
    return server;
  }

  /** Appends one batch; resolves to its positions by line. A message may name its process: `router|text`. */
  async append(messages: readonly string[], { acceptedAtMs = Date.now(), channel = this.channel } = {}) {
    const canoniser = new Canoniser("app");
    for (const message of messages) {
      const [text, process = "web.1"] = message.split("|").reverse() as [string, string?];
      const frame = Buffer.from(`<190>1 2026-01-02T03:04:05.000006+00:00 h app ${process} - - ${text}\n`);
      canoniser.add(frame, 0, frame.length, 0);
    }
    const firstLine = this.#line;
    this.#line += messages.length;
    const batch = { ...canoniser.take(), producer: this.#producer, firstLine, acceptedAtMs };
    const { position } = await this.log.append(channel, batch);
    return (lines: number) => placeBeside(position, lines);
  }

  url(spec: Partial<SessionSpec> = {}): string {
    const all = {
      keyId: operatorKeyId,
      channel: this.channel,
      ...(spec.sinceMs === undefined && { lines: 100 }),
      tail: false,
      filter: {},
      format: "text",
      ...spec,
    } as const;
    return `${this.origin}/sessions/${this.urls.issue(all)}`;
  }

  /** Opens a stream: events unless `accept` says otherwise. */
  open(url: string, headers: Record<string, string> = {}): Promise<StreamClient> {
    return StreamClient.open(url, { accept: "text/event-stream", ...headers });
  }

  async close(): Promise<void> {
    await this.#server.close();
    await this.patterns.close();
    await this.recent.close();
    await this.log.close();
  }
}

class StreamClient {
  readonly response: IncomingMessage;
  readonly parser = new EventStreamParser();
  text = "";
  isOver = false;
  failure: unknown;
  readonly #request: ClientRequest;
  #changed: (() => void) | undefined;

  private constructor(request: ClientRequest, response: IncomingMessage) {
    this.#request = request;
    this.response = response;
    const decoder = new TextDecoder();
    const isEvents = response.headers["content-type"]?.startsWith("text/event-stream");
    response.on("data", (chunk: Buffer) => {
      const text = decoder.decode(chunk, { stream: true });
      this.text += text;
      if (isEvents) this.parser.feed(text);
      this.#changed?.();
    });
    response.on("error", (error) => (this.failure = error));
    response.on("close", () => {
      this.isOver = true;
      this.#changed?.();
    });
    response.pause();
  }

  static async open(url: string, headers: Record<string, string>): Promise<StreamClient> {
    const request = get(url, { headers, agent: false });
    const [response] = (await once(request, "response")) as [IncomingMessage];
    return new StreamClient(request, response);
  }

  /** The messages of the lines received so far, in text format. */
  get messages(): string[] {
    const isEvents = this.parser.retryMs !== undefined;
    const lines = isEvents ? this.parser.events.map(({ data }) => data) : this.text.split("\n");
    return lines.filter((line) => line !== "").map((line) => line.slice(line.indexOf("]: ") + 3));
  }

  /** Reads until `isThere`, or fails when the stream ends or stalls before. */
  async until(isThere: (client: this) => boolean, timeoutMs = 5000): Promise<void> {
    const timer = setTimeout(
      () => this.response.destroy(new Error(`not in time, got: ${this.text.slice(-2000)}`)),
      timeoutMs,
    );
    this.response.resume();
    while (!isThere(this)) {
      if (this.isOver) throw this.failure ?? new Error(`ended before, with: ${this.text.slice(-2000)}`);
      await new Promise<void>((resolve) => (this.#changed = resolve));
    }
    clearTimeout(timer);
    this.response.pause();
  }

  /** Reads to the end of the stream; throws when it was no clean one. */
  async end(timeoutMs = 5000): Promise<this> {
    await this.until(({ isOver }) => isOver, timeoutMs);
    if (!this.response.complete) throw this.failure ?? new Error("cut off");
    return this;
  }

  leave(): void {
    this.#request.destroy();
  }
}
