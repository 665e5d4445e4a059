/** Answers every failure of an API call with `{id, message}` (docs/spec/apis.md#p1-3), without internal details. */
import { randomUUID } from "node:crypto";
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { pathNotFound } from "../errors/access.ts";
import { bodyNotJson, internalError, paramsInvalid, requestRefused } from "../errors/api.ts";
import { AppError } from "../errors/app-error.ts";
import { codingsTaken, codingUnsupported } from "../errors/ingest.ts";
import { noMeaning } from "../errors/platform.ts";
import { storeUnread } from "../errors/store.ts";

/** The JSON of a failure. Heroku's CLI shows `message` and `id`; `code` is the one in docs/errors.md. */
type ErrorBody = {
  readonly id: string;
  readonly code: string;
  readonly message: string;
  readonly resource?: string;
};

/** Makes the server, and everything registered on it, answer failures in the form of the API. */
export function answerErrors(server: FastifyInstance): void {
  server.setErrorHandler((error, request, reply) => sendError(error as FastifyError, request, reply));
  server.setNotFoundHandler((request, reply) => sendError(nowhere(request), request, reply));
}

/**
 * Tells Heroku's clients that this part of its API does not exist here; "not found" would look like their mistake.
 */
function nowhere({ method, url, headers }: FastifyRequest): AppError {
  if (!/application\/vnd\.heroku\+json/.test(headers.accept ?? "")) return pathNotFound();
  const path = url.split("?")[0]!.slice(0, pathCharsShown);
  return noMeaning(`${method} ${path}`, "docs/heroku-cli.md tells which of Heroku's commands work here.");
}

const pathCharsShown = 100;

/** For the server option `frameworkErrors`: paths that cannot be decoded, or are too long. */
export function answerFrameworkError(
  error: FastifyError,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  sendError(error, request, reply);
}

function sendError(
  error: FastifyError | AppError,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const failure = appErrorOf(error, request);
  return withErrorHeaders(failure, request, reply)
    .code(failure.status)
    .type("application/json; charset=utf-8")
    .send(errorBody(failure));
}

/** The failure to answer with. An unexpected error is logged here and answered without its details. */
export function appErrorOf(error: FastifyError | AppError, request: FastifyRequest): AppError {
  if (error instanceof AppError) return storesNothing(request) ? readFailure(error) : error;
  if (error.validation) return paramsInvalid(validationText(error));
  const status = error.statusCode ?? 500;
  if (status === 400 && isSyntaxError(error)) return bodyNotJson();
  if (status >= 400 && status < 500) return requestRefused(status, requestFault(error));
  const requestId = requestIdOf(request).slice(0, 200);
  request.log.error(
    {
      err: error,
      method: request.method,
      route: request.routeOptions.url,
      requestId,
    },
    "a request failed",
  );
  return internalError(requestId);
}

const storesNothing = ({ method, routeOptions }: FastifyRequest): boolean =>
  method === "GET" || method === "HEAD" || routeOptions.url === "/apps/:app/log-sessions";

/** A failure of the store in words for a request that only reads. */
function readFailure(failure: AppError): AppError {
  const { cause } = failure;
  const ofReads = storeUnread(cause);
  return failure.code === ofReads.code ? ofReads : failure;
}

/** Sets `Retry-After`, the challenge of a 401, and the request's id, which hooks may not have set this early. */
export function withErrorHeaders(
  failure: AppError,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  if (!reply.hasHeader("request-id")) reply.header("request-id", requestIdOf(request));
  if (failure.retryAfterS !== undefined) reply.header("retry-after", failure.retryAfterS);
  if (failure.code === codingUnsupported("").code) reply.header("accept-encoding", codingsTaken);
  // With Basic, browsers would ask for a password.
  if (failure.status === 401) reply.header("www-authenticate", 'Bearer realm="tailrace"');
  return reply;
}

export const errorBody = (failure: AppError): ErrorBody => ({
  id: failure.id,
  code: failure.code,
  message: `${failure.message} ${failure.mend}`,
  ...(failure.resource !== undefined && { resource: failure.resource }),
});

/** The client's `Request-Id`, or a new one. */
export function requestIdOf(request: FastifyRequest): string {
  const given = request.headers["request-id"];
  if (given !== undefined) return String(given);
  const made = madeIds.get(request) ?? randomUUID();
  madeIds.set(request, made);
  return made;
}

const madeIds = new WeakMap<FastifyRequest, string>();

const isSyntaxError = (error: FastifyError): boolean =>
  error instanceof SyntaxError || error.code === "FST_ERR_CTP_INVALID_JSON_BODY";

// `/filter/sources` and "must be array" → "`filter.sources` must be array".
function validationText(error: FastifyError): string {
  const { instancePath, keyword, params, message = "is not as described" } = error.validation![0]!;
  const path = instancePath.slice(1).replaceAll("/", ".");
  if (keyword === "required") return `\`${path && `${path}.`}${params.missingProperty}\` is missing`;
  const field = path === "" ? (error.validationContext ?? "body") : path;
  if (keyword !== "enum") return `\`${field}\` ${message}`;
  return `\`${field}\` must be one of ${[params.allowedValues].flat().filter(Boolean).join(", ")}`;
}

// The framework's own texts can quote the request.
const requestFaults: Record<string, string> = {
  FST_ERR_BAD_URL: "its path is not percent-encoded UTF-8",
  FST_ERR_MAX_PARAM_LENGTH: "a part of its path is too long",
};

const requestFault = (error: FastifyError): string =>
  requestFaults[error.code] ?? `it is not valid (${error.code})`;
