/**
 * Requests that turn their connection into another kind, such as a WebSocket: bytes go both ways until one side ends.
 */
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { http } from "../../../src/node-http.ts";
import type { Backend } from "./backends.ts";
import { errorHeaders, errorPage } from "./error-page.ts";
import { codeOfFailure, Exchange, onInterim, type RouterParts } from "./exchange.ts";
import { requestHeaders } from "./headers.ts";
import { type RouterCode, routerErrors } from "./router-line.ts";

/** Resolves when the exchange is over; never rejects. */
export async function forwardUpgrade(
  parts: RouterParts,
  request: IncomingMessage,
  client: Socket,
  head: Buffer,
): Promise<void> {
  const exchange = new Exchange(parts, request);
  client.on("error", () => client.destroy());
  client.on("close", () => exchange.end(499, { code: "H27", sock: "client" }));
  exchange.over.addEventListener("abort", () => endIn(client, parts.limits.idleMsMax));
  const backend = await exchange.backend(new Set());
  if (backend === undefined) return;
  if (typeof backend === "string") return refuse(exchange, client, backend);
  backend.underWay++;
  try {
    await talk(parts, exchange, backend, client, head);
  } finally {
    backend.underWay--;
  }
}

function talk(
  { clock, limits, port }: RouterParts,
  exchange: Exchange,
  { address }: Backend,
  client: Socket,
  head: Buffer,
): Promise<void> {
  const { request, requestId, forwarded } = exchange;
  const beganMs = clock.monotonicMs();
  const headers = requestHeaders(request, { requestId, forwarded, port, startMs: clock.nowMs() });
  const upstream = http.request({
    ...address,
    agent: false,
    method: request.method!,
    path: request.url!,
    headers: [...headers, "Connection", "Upgrade", "Upgrade", request.headers.upgrade!] as never,
  });
  let isConnected = false;
  let isAnswered = false;
  upstream.once("socket", (socket) =>
    socket.once("connect", () => {
      isConnected = true;
      exchange.connected(clock.monotonicMs() - beganMs);
    }),
  );
  exchange.within(limits.answerMsMax, () => {
    refuse(exchange, client, isConnected ? "H12" : "H19");
  });
  upstream.on("error", (error: NodeJS.ErrnoException) => {
    if (!isAnswered) refuse(exchange, client, codeOfFailure(error, isConnected));
  });
  onInterim(upstream, limits, () => refuse(exchange, client, "H17"));
  upstream.on("response", (answer) => {
    isAnswered = true;
    answerPlainly(exchange, answer, client, limits);
  });
  upstream.on("upgrade", (answer, dyno, dynoHead) => {
    const expectMore = () =>
      exchange.within(limits.idleMsMax, () => exchange.end(503, { code: "H15", sock: "client" }));
    client.write(headOf(answer, []), "latin1");
    if (dynoHead.length > 0) client.write(dynoHead);
    exchange.bytes += dynoHead.length;
    if (head.length > 0) dyno.write(head);
    expectMore();
    client.on("data", expectMore);
    dyno.on("data", (chunk: Buffer) => {
      exchange.bytes += chunk.length;
      expectMore();
    });
    const over = () => exchange.end(101);
    dyno.on("error", over).on("close", over);
    client.prependListener("close", over); // a client that goes is the usual end here
    dyno.pipe(client).pipe(dyno);
    exchange.over.addEventListener("abort", () => dyno.destroySoon());
  });
  upstream.end();
  return new Promise((resolve) => {
    exchange.over.addEventListener("abort", () => {
      upstream.destroy();
      resolve();
    });
  });
}

/** Ends the connection, whatever the client does: one that neither reads nor closes its side would keep it for ever. */
function endIn(client: Socket, ms: number): void {
  client.end();
  let left = Number.POSITIVE_INFINITY;
  const timer = setInterval(() => {
    if (client.writableFinished || client.writableLength === left) client.destroy();
    left = client.writableLength;
  }, ms);
  client.once("close", () => clearInterval(timer));
}

/** The dyno answers instead of upgrading: this answer is the last thing on the connection. */
function answerPlainly(
  exchange: Exchange,
  answer: IncomingMessage,
  client: Socket,
  { idleMsMax }: RouterParts["limits"],
): void {
  const expectMore = () =>
    exchange.within(idleMsMax, () => exchange.end(503, { code: "H15", sock: "backend" }));
  client.write(headOf(answer, ["Connection", "close"]), "latin1");
  expectMore();
  answer.on("data", (chunk: Buffer) => {
    exchange.bytes += chunk.length;
    expectMore();
  });
  answer.on("end", () => exchange.end(answer.statusCode!));
  answer.on("error", () => exchange.end(503, { code: "H18", sock: "backend" }));
  answer.pipe(client);
}

function refuse(exchange: Exchange, client: Socket, code: RouterCode): void {
  const { status } = routerErrors[code];
  if (exchange.isOver) return;
  const headers = Object.entries({ ...errorHeaders, connection: "close" }).map(
    ([name, value]) => `${name}: ${value}`,
  );
  client.write(
    `HTTP/1.1 ${status} ${http.STATUS_CODES[status] ?? ""}\r\n${headers.join("\r\n")}\r\n\r\n${errorPage}`,
  );
  exchange.end(status, { code });
}

/** The head of an answer as the dyno wrote it; `connection` replaces its headers about the connection. */
function headOf(
  { statusCode, statusMessage, rawHeaders }: IncomingMessage,
  connection: readonly string[],
): string {
  const lines = [`HTTP/1.1 ${statusCode} ${statusMessage}`];
  const isPlain = connection.length > 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!;
    // An answer of unknown length ends with its connection, because chunks have already been decoded.
    if (isPlain && /^(?:connection|keep-alive|transfer-encoding)$/i.test(name)) continue;
    lines.push(`${name}: ${rawHeaders[at + 1]!}`);
  }
  if (isPlain) lines.push(connection.join(": "));
  return `${lines.join("\r\n")}\r\n\r\n`;
}
