/**
 * An HTTP client that keeps its connections open. It uses Node's own `http`, because any other client would take longer
 * to load than most commands take to run. TLS is loaded only for the first address that needs it.
 */
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { Agent as TlsAgent } from "node:https";
import { http } from "../../src/node-http.ts";

type HttpClientLimits = {
  /** For opening a connection, including TLS. */
  readonly connectMsMax: number;
  /** An exchange fails after this long without a byte of an answer. Absent: never. */
  readonly silenceMsMax?: number;
  /** The longest answer that is read as a whole. */
  readonly textBytesMax?: number;
};

/** A list of hundreds of thousands of apps. */
const textBytesMaxUsual = 256 * 1024 * 1024;

type HttpRequest = {
  readonly method?: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  /** Ends the exchange, which rejects with the signal's reason. */
  readonly signal?: AbortSignal;
};

export type HttpAnswer = {
  readonly statusCode: number;
  readonly headers: IncomingHttpHeaders;
  /** Must be read or destroyed. */
  readonly body: IncomingMessage;
  text(): Promise<string>;
};

type Tls = typeof import("node:https");

export class HttpClient {
  readonly #limits: HttpClientLimits;
  readonly #agent = new http.Agent({ keepAlive: true });
  #tls: { readonly https: Tls; readonly agent: TlsAgent } | undefined;

  constructor(limits: HttpClientLimits) {
    this.#limits = limits;
  }

  /** Resolves with the head of an answer. Rejects with the network error, or the reason of the signal. */
  async request(url: URL, asked: HttpRequest): Promise<HttpAnswer> {
    const { signal } = asked;
    signal?.throwIfAborted();
    try {
      const body = await this.#exchange(url, asked);
      return {
        statusCode: body.statusCode!,
        headers: body.headers,
        body,
        text: () => textOf(body, this.#limits.textBytesMax ?? textBytesMaxUsual, signal),
      };
    } catch (failure) {
      throw signal?.aborted ? signal.reason : failure;
    }
  }

  /** Ends all connections. Idempotent. */
  close(): void {
    this.#agent.destroy();
    this.#tls?.agent.destroy();
  }

  #exchange(url: URL, { method = "GET", headers, body, signal }: HttpRequest): Promise<IncomingMessage> {
    const isTls = url.protocol === "https:";
    const tls = isTls ? this.#loadTls() : undefined;
    const { request } = tls?.https ?? http;
    const { connectMsMax, silenceMsMax } = this.#limits;
    return new Promise((resolve, reject) => {
      const sent = request(url, {
        method,
        agent: tls?.agent ?? this.#agent,
        headers: { ...headers, ...(body !== undefined && { "content-length": Buffer.byteLength(body) }) },
        ...(signal && { signal }),
        ...(silenceMsMax !== undefined && { timeout: silenceMsMax }),
      });
      const connecting = setTimeout(() => sent.destroy(failure("connecting took too long")), connectMsMax);
      const connected = () => clearTimeout(connecting);
      sent.on("socket", (socket) => {
        if (socket.connecting) socket.once(isTls ? "secureConnect" : "connect", connected);
        else connected();
      });
      sent.on("close", connected);
      sent.on("timeout", () => sent.destroy(failure("nothing came for too long")));
      sent.on("error", reject); // after the head, the body reports errors
      sent.on("response", resolve);
      sent.end(body);
    });
  }

  #loadTls(): { readonly https: Tls; readonly agent: TlsAgent } {
    if (this.#tls === undefined) {
      const https = process.getBuiltinModule("node:https");
      this.#tls = { https, agent: new https.Agent({ keepAlive: true }) };
    }
    return this.#tls;
  }
}

async function textOf(
  body: IncomingMessage,
  bytesMax: number,
  signal: AbortSignal | undefined,
): Promise<string> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const piece of body as AsyncIterable<Buffer>) {
      bytes += piece.length;
      if (bytes > bytesMax) throw failure(`its answer has more than ${bytesMax / 2 ** 20} MiB`);
      pieces.push(piece);
    }
  } catch (failure) {
    throw signal?.aborted ? signal.reason : failure;
  }
  return Buffer.concat(pieces).toString();
}

const failure = (message: string): Error => new Error(message);
