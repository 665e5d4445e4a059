/** Answers of `POST /logs`: docs/spec/wire-in.md#w3-1. */
import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { TLSSocket } from "node:tls";
import type { FastifyBaseLogger } from "fastify";
import { internalError } from "../../errors/api.ts";
import { AppError } from "../../errors/app-error.ts";
import { codingsTaken } from "../../errors/ingest.ts";
import { errorBody } from "../../http/api-errors.ts";
import { refusedRequests } from "../../metrics.ts";

/** Every line of the request is durable. */
export function answerStored(response: ServerResponse): void {
  response.statusCode = 204; // its head is written when the answer has its turn
  response.end();
}

/**
 * Answers with the body that logplex has for this error, to the byte, and the mend in a header; for an error that
 * logplex does not know, both are in the body.
 */
export function answerError(
  error: unknown,
  request: IncomingMessage,
  response: ServerResponse,
  logger: Pick<FastifyBaseLogger, "error">,
): void {
  if (!(error instanceof AppError)) {
    answerFault(error, request, response, logger);
    return;
  }
  refusedRequests.inc({ code: error.code });
  if (error.retryAfterS !== undefined && takesAnyStatus(request)) {
    cut(request);
    return;
  }
  response.statusCode = error.status;
  response.setHeader("content-type", "text/plain; charset=utf-8");
  if (error.status === 405) response.setHeader("allow", "POST");
  if (error.status === 408) response.setHeader("connection", "close");
  if (error.status === 415) response.setHeader("accept-encoding", codingsTaken);
  if ([400, 401, 403].includes(error.status)) response.setHeader("www-authenticate", "Basic realm=Logplex");
  if ([400, 403].includes(error.status)) {
    response.statusMessage = error.message;
    response.setHeader("tailrace-error", error.mend);
    response.end(error.message);
    return;
  }
  if (error.retryAfterS !== undefined) response.setHeader("retry-after", error.retryAfterS);
  response.end(`${error.message}\n${error.mend}\n`);
}

// For an unforeseen error: the details go to the server's log, and the sender gets an id to ask about.
function answerFault(
  err: unknown,
  request: IncomingMessage,
  response: ServerResponse,
  logger: Pick<FastifyBaseLogger, "error">,
): void {
  const requestId = String(request.headers["request-id"] ?? randomUUID()).slice(0, 200);
  logger.error({ err, method: request.method, route: "/logs", requestId }, "a request failed");
  if (takesAnyStatus(request)) {
    cut(request);
    return;
  }
  response.statusCode = 500;
  response.setHeader("request-id", requestId);
  response.setHeader("content-type", "application/json; charset=utf-8");
  response.end(JSON.stringify(errorBody(internalError(requestId))));
}

/**
 * True for log-shuttle: it takes any answer, 503 too, for the end of a batch, and forgets it. Without an answer it
 * tries again, and counts what it gives up in a line of its own (docs/spec/wire-in.md#w3-17).
 */
const takesAnyStatus = ({ headers }: IncomingMessage): boolean =>
  headers["user-agent"]?.startsWith("log-shuttle/") === true;

// After a reset it waits longer than after an end.
function cut({ socket }: IncomingMessage): void {
  if (socket instanceof TLSSocket) socket.destroy();
  else socket.resetAndDestroy();
}
