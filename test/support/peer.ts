/** A scripted receiver on 127.0.0.1: what it answers is decided request by request, what it got is kept. */
import { once } from "node:events";
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { LineCursor } from "../../src/core/batch/line-cursor.ts";

/** One request as it came. */
export type Received = {
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly rawHeaders: readonly string[];
  readonly parcelId: string;
  readonly body: Buffer;
  /** The messages of the body's frames, when it is the body of a logplex drain as it is by default. */
  readonly messages: readonly string[];
  readonly answered: string;
};

/** An answer: a status, one with headers and body, or a misdeed. */
export type Answer =
  | number
  | { readonly status: number; readonly headers?: Record<string, string>; readonly body?: string }
  | "hang"
  | "reset"
  | ((response: ServerResponse, socket: Socket) => void);

export type Peer = {
  readonly url: string;
  readonly port: number;
  readonly received: Received[];
  /** Connections that were ever made. */
  readonly connections: () => number;
  /** Messages of all requests that were answered with 2xx, in order. */
  readonly delivered: () => string[];
  /** Resolves when `received` holds at least `count` requests. */
  requests(count: number): Promise<void>;
  close(): Promise<void>;
};

/** Answers with what `script` says of the request of number `index`; 200 by default. */
export async function openPeer(
  script: (request: Received, index: number) => Answer = () => 200,
  tls?: { readonly key: string; readonly cert: string },
): Promise<Peer> {
  const received: Received[] = [];
  const waiters: { readonly count: number; readonly resolve: () => void }[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  const listener: RequestListener = async (request, response) => {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk);
    } catch {
      return; // the sender went away
    }
    const body = Buffer.concat(chunks);
    const seen = {
      path: request.url ?? "",
      headers: request.headers,
      rawHeaders: request.rawHeaders,
      parcelId: String(request.headers["logplex-frame-id"]),
      body,
      messages: isLogplex(request) ? messagesOf(body) : [],
    };
    const answer = script({ ...seen, answered: "" }, received.length);
    received.push({ ...seen, answered: nameOf(answer) });
    for (const { count, resolve } of waiters) if (received.length >= count) resolve();
    give(answer, response, request.socket);
  };
  const server: Server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  server.on("connection", (socket: Socket) => {
    connections++;
    sockets.add(socket);
    socket.on("error", () => {});
    socket.once("close", () => sockets.delete(socket));
  });
  server.on("tlsClientError", () => {});
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `${tls === undefined ? "http" : "https"}://127.0.0.1:${port}/`,
    port,
    received,
    connections: () => connections,
    delivered: () =>
      received.filter(({ answered }) => answered.startsWith("2")).flatMap(({ messages }) => messages),
    requests: (count) =>
      received.length >= count
        ? Promise.resolve()
        : new Promise((resolve) => waiters.push({ count, resolve })),
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

const isLogplex = ({ headers }: IncomingMessage): boolean =>
  headers["content-type"] === "application/logplex-1" && headers["content-encoding"] === undefined;

/** The messages of canonical frames, without their newlines. */
export function messagesOf(bytes: Uint8Array): string[] {
  const line = new LineCursor().open(bytes, "logplex");
  const messages: string[] = [];
  while (line.next())
    messages.push(Buffer.from(bytes.subarray(line.messageStart, line.end)).toString().trimEnd());
  return messages;
}

function give(answer: Answer, response: ServerResponse, socket: Socket): void {
  if (answer === "hang") return;
  if (answer === "reset") socket.resetAndDestroy();
  else if (typeof answer === "function") answer(response, socket);
  else if (typeof answer === "number") response.writeHead(answer, { "content-length": "0" }).end();
  else response.writeHead(answer.status, answer.headers).end(answer.body);
}

function nameOf(answer: Answer): string {
  if (typeof answer === "function") return "script";
  return String(typeof answer === "object" ? answer.status : answer);
}
