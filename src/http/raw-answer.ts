/** Answers of the server itself, for what never becomes a request of a route. */
import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { AppError } from "../errors/app-error.ts";
import { http } from "../node-http.ts";

/** The failure in the form of the API, as an answer that closes the connection. */
export function rawAnswer(failure: AppError): string {
  const body = bodyOf(failure);
  return [
    `HTTP/1.1 ${failure.status} ${http.STATUS_CODES[failure.status]}`,
    ...Object.entries(headersOf(failure, body)).map(([name, value]) => `${name}: ${value}`),
    "Connection: close",
    "",
    body,
  ].join("\r\n");
}

/** The time that a client has to read why it is refused. */
const lingerMs = 1_000;

/** Answers on a socket that nothing else reads or writes any more, and closes it. */
export function closeWith(socket: Socket, failure: AppError): void {
  socket.on("error", () => {}); // the client may have left already
  socket.end(rawAnswer(failure));
  socket.resume(); // closing a socket with unread bytes would discard the answer
  const timer = setTimeout(() => socket.destroy(), lingerMs);
  socket.once("end", () => socket.destroy());
  socket.once("close", () => clearTimeout(timer));
}

/** The same for a request; it closes the connection. */
export function sendAnswer(response: ServerResponse, failure: AppError): void {
  const body = bodyOf(failure);
  response.writeHead(failure.status, { ...headersOf(failure, body), connection: "close" });
  response.end(body);
}

const bodyOf = ({ id, code, message, mend }: AppError): string =>
  JSON.stringify({ id, code, message: `${message} ${mend}` });

const headersOf = ({ retryAfterS }: AppError, body: string): Record<string, string | number> => ({
  "content-type": "application/json; charset=utf-8",
  "content-length": Buffer.byteLength(body),
  ...(retryAfterS !== undefined && { "retry-after": retryAfterS }),
});
