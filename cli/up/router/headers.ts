/** The headers that go through the router: which belong to the connection, and which it adds. Pure. */
import { randomUUID } from "node:crypto";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";

/** Headers that apply only to one connection (RFC 9110 §7.6.1). */
const hopByHop: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/**
 * Headers that stay although `Connection` names them: without a length, the body of a GET would be a request of its own
 * to the dyno, which nobody has logged.
 */
const alwaysKept: ReadonlySet<string> = new Set(["content-length", "host"]);

/** A client's own id is kept if it looks like one, as on Heroku. */
const requestIdForm = /^[A-Za-z0-9+/=-]{20,200}$/;

export const requestIdOf = ({ "x-request-id": given }: IncomingHttpHeaders): string =>
  typeof given === "string" && requestIdForm.test(given) ? given : randomUUID();

/** True if bytes that belong to the request follow its headers. */
export const hasBody = ({ headers }: Pick<IncomingMessage, "headers">): boolean =>
  headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;

/** The addresses that a request came through: those that it lists, and the client's own. */
export function forwardedOf({ headers, socket }: IncomingMessage): string {
  const own = (socket.remoteAddress ?? "").replace(/^::ffff:(?=[0-9.]+$)/, "");
  const before = headers["x-forwarded-for"];
  return before === undefined ? own : `${String(before)}, ${own}`;
}

/** Headers of a request for the dyno, in order; a client cannot set those that the router makes. */
export function requestHeaders(
  request: IncomingMessage,
  added: { requestId: string; forwarded: string; port: number; startMs: number },
): string[] {
  const own: Readonly<Record<string, string>> = {
    "X-Request-ID": added.requestId,
    "X-Forwarded-For": added.forwarded,
    "X-Forwarded-Proto": "http",
    "X-Forwarded-Port": String(added.port),
    "X-Request-Start": String(added.startMs),
    Via: request.headers.via === undefined ? "1.1 tailrace" : `${request.headers.via}, 1.1 tailrace`,
  };
  const replaced = new Set([...Object.keys(own).map((name) => name.toLowerCase()), "expect"]);
  return [
    ...(request.headers.host === undefined ? ["Host", "localhost"] : []), // HTTP/1.0 may leave it out
    ...endToEnd(request.rawHeaders, request.headers.connection, replaced),
    ...Object.entries(own).flat(),
  ];
}

/** Headers of an answer for the client, in order, including repeated ones. */
export const answerHeaders = (answer: IncomingMessage): string[] => [
  ...endToEnd(answer.rawHeaders, answer.headers.connection, new Set()),
  "Via",
  "1.1 tailrace",
];

function endToEnd(
  raw: readonly string[],
  connection: string | undefined,
  without: ReadonlySet<string>,
): string[] {
  const named = new Set(
    connection
      ?.toLowerCase()
      .split(",")
      .map((name) => name.trim()),
  );
  const kept: string[] = [];
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at]!.toLowerCase();
    const isOfConnection = hopByHop.has(name) || (named.has(name) && !alwaysKept.has(name));
    if (!isOfConnection && !without.has(name)) kept.push(raw[at]!, raw[at + 1]!);
  }
  return kept;
}
