/** Answers that the server itself gives to what never becomes a request of a route. */
import { type ServerResponse, STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { AppError } from "../errors/app-error.ts";

/** The failure as the API tells it, on a connection that is closed behind it. */
export function rawAnswer(failure: AppError): string {
  const body = bodyOf(failure);
  return [
    `HTTP/1.1 ${failure.status} ${STATUS_CODES[failure.status]}`,
    ...Object.entries(headersOf(failure, body)).map(([name, value]) => `${name}: ${value}`),
    "Connection: close",
    "",
    body,
  ].join("\r\n");
}

/** How long a client may take to read why it is refused. */
const lingerMs = 1_000;

/** Answers on a socket that nothing else is written to or read from any more, and closes it. */
export function closeWith(socket: Socket, failure: AppError): void {
  socket.on("error", () => {}); // it may have left already
  socket.end(rawAnswer(failure));
  socket.resume(); // while something is unread, closing would take the answer back
  const timer = setTimeout(() => socket.destroy(), lingerMs);
  socket.once("end", () => socket.destroy());
  socket.once("close", () => clearTimeout(timer));
}

/** The same to a request, behind which the connection is closed. */
export function sendAnswer(response: ServerResponse, failure: AppError): void {
  const body = bodyOf(failure);
  response.writeHead(failure.status, { ...headersOf(failure, body), connection: "close" });
  response.end(body);
}

const bodyOf = ({ id, message, mend }: AppError): string =>
  JSON.stringify({ id, message: `${message} ${mend}` });

const headersOf = ({ retryAfterS }: AppError, body: string): Record<string, string | number> => ({
  "content-type": "application/json; charset=utf-8",
  "content-length": Buffer.byteLength(body),
  ...(retryAfterS !== undefined && { "retry-after": retryAfterS }),
});
