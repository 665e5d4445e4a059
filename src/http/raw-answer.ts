/** Answers of the server itself, to what never becomes a request of a route. */
import { type ServerResponse, STATUS_CODES } from "node:http";
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
