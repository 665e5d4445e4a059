/**
 * Answers every v3 call in this order (docs/spec/apis.md#v1-1): method, body syntax, credentials, media type, then
 * whether what it names exists. Failures are `{error}`, plus the Platform API's `id` and `message`.
 */
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from "fastify";
import { unauthorized } from "../../errors/access.ts";
import { bodyNotJson, mediaTypeNotJson } from "../../errors/api.ts";
import type { AppError } from "../../errors/app-error.ts";
import { appErrorOf, errorBody, withErrorHeaders } from "../../http/api-errors.ts";
import type { Keys } from "../../registry/keys.ts";
import type { Principal } from "../../registry/principal.ts";
import { authenticate } from "../auth.ts";
import { type BodyDeps, textOf } from "../bodies.ts";

/** A JSON object that has not been checked yet. */
export type Payload = Readonly<Record<string, unknown>>;

/**
 * Leaves bodies as text until a call looks at them, uses schemas only for documentation, and words failures as logplex
 * does.
 */
export function answerAsLogplex(server: FastifyInstance, deps: BodyDeps): void {
  server.removeAllContentTypeParsers();
  server.addContentTypeParser("*", (request: FastifyRequest) => textOf(request, deps));
  server.setValidatorCompiler(() => () => true);
  server.setErrorHandler((error, request, reply) => sendFailure(error as FastifyError, request, reply));
}

const methodsKnown: readonly HTTPMethods[] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/** Answers 405 to every method that `path` does not have, before anything else is looked at. */
export function allowOnly(server: FastifyInstance, path: string, methods: readonly HTTPMethods[]): void {
  const allowed: readonly HTTPMethods[] = methods.includes("GET") ? [...methods, "HEAD"] : methods;
  server.route({
    method: methodsKnown.filter((method) => !allowed.includes(method)),
    url: path,
    schema: { hide: true },
    handler: (_request, reply) =>
      reply.code(405).header("allow", allowed.join(", ")).send({ error: "Method not allowed" }),
  });
}

/** A handler for calls without a body. */
export const call =
  (
    keys: Keys,
    run: (request: FastifyRequest, reply: FastifyReply, principal: Principal) => Promise<FastifyReply>,
  ) =>
  async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> =>
    run(request, reply, await authenticate(request, keys));

/** A handler for calls with a body. A body that `read` does not understand is answered with `400`. */
export const callWith =
  <Wanted>(
    keys: Keys,
    read: (payload: Payload) => Wanted | undefined,
    run: (
      request: FastifyRequest,
      reply: FastifyReply,
      principal: Principal,
      wanted: Wanted,
    ) => Promise<FastifyReply>,
  ) =>
  async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const payload = payloadOf(request.body);
    const wanted = payload && read(payload);
    if (wanted === undefined) return reply.code(400).send({ error: "invalid payload" });
    const principal = await authenticate(request, keys);
    if (!/^application\/json\s*(;|$)/i.test(request.headers["content-type"] ?? "")) throw mediaTypeNotJson();
    return run(request, reply, principal, wanted);
  };

/** The object in a body; undefined if the JSON is not an object. */
function payloadOf(body: unknown): Payload | undefined {
  let value: unknown;
  try {
    value = JSON.parse(String(body));
  } catch {
    throw bodyNotJson();
  }
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Payload)
    : undefined;
}

// Failures for which logplex has its own words.
const logplexAnswers: Record<string, readonly [status: number, error: string]> = {
  DRAIN_LIMIT: [422, "maximum number of drains reached"],
  DRAIN_REPEATED: [409, "Already exists"],
};

function sendFailure(
  error: FastifyError | AppError,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const failure = appErrorOf(error, request);
  const [status, text] = logplexAnswers[failure.code] ?? [statusOf(failure), failure.message];
  withErrorHeaders(failure, request, reply).code(status).type("application/json; charset=utf-8");
  if (failure.code === unauthorized().code) reply.header("www-authenticate", "Basic realm=Logplex");
  return reply.send({ error: text, ...errorBody(failure) });
}

// A drain that cannot be made counts as a bad URL here.
const statusOf = ({ code, status }: AppError) => (code.startsWith("DRAIN_") && status === 422 ? 400 : status);
