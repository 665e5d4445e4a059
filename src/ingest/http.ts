/**
 * `POST /logs`, docs/spec/wire-in.md#w3-1 and on. A 204 says that every line is durable; every other
 * answer says that nothing of the request is stored, but for a 503 to a request of several batches (many lines, or a
 * key that writes to several apps): what of it was stored is known again by its dedup id.
 */
import type { Socket } from "node:net";
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import { AppError } from "../errors/app-error.ts";
import { codingsTaken, ingestMethod } from "../errors/ingest.ts";
import { refusedRequests } from "../metrics.ts";
import type { Clock } from "../ports.ts";
import { everySo, inTurns } from "../turns.ts";
import type { AppendQueues } from "./append-queues.ts";
import { type BodyLimits, readBody } from "./body.ts";
import type { BodyBudget, Reservation } from "./body-budget.ts";
import { BodySorter } from "./body-sorter.ts";
import { Admission } from "./http-admission.ts";
import { framesOfPlain, jsonBytesMax, plainKindOf, processIn } from "./plain-bodies.ts";
import type { Loops, TokenLookup } from "./router.ts";
import type { SenderFaults } from "./sender-faults.ts";
import type { KeyLookup } from "./writer.ts";

export type IngestHttpOptions = BodyLimits & {
  readonly queues: Pick<AppendQueues, "append">;
  readonly bodies: BodyBudget;
  /** The owner of a connection, for the share of its address. */
  readonly addressOf: (socket: Socket) => string;
  readonly tokens: TokenLookup;
  readonly keys: KeyLookup;
  readonly loops: Loops;
  readonly faults: Pick<SenderFaults, "note">;
  readonly clock: Pick<Clock, "nowMs">;
  readonly frameBytesMax: number;
  /** Frames of one body. */
  readonly framesMax: number;
  /** Tokens whose records are kept at hand for keys that write to every app. */
  readonly tokensMax: number;
  readonly requestIdsMax: number;
};

/** The routes. The order of checks is docs/spec/wire-in.md#w3-1: method, credentials, media type, Accept, body. */
export const ingestHttp: FastifyPluginAsync<IngestHttpOptions> = async (server, options) => {
  const { queues, bodies, addressOf, framesMax } = options;
  const sorter = new BodySorter(options);
  const admission = new Admission(server, options);

  server.removeAllContentTypeParsers();
  server.addContentTypeParser("*", (_request, _payload, done) => done(null)); // the handler reads it, in its bounds
  server.setErrorHandler(answerError);

  const take = async (request: FastifyRequest, reply: FastifyReply) => {
    const reservation = bodies.reserve(admission.bodyOf(request));
    try {
      const body = await framesIn(request, reservation);
      const channels = await sorter.sort(admission.writerOf(request), body, request);
      reservation.release(); // the queues hold the lines from here on
      await allStored(channels.map(([channel, lines]) => queues.append(channel, lines, "http")));
    } finally {
      reservation.release();
    }
    return reply.code(204).send();
  };

  // The body, where it is plain as frames.
  const framesIn = async (request: FastifyRequest, reservation: Reservation): Promise<Buffer> => {
    const plain = plainKindOf(request.headers["content-type"]);
    if (plain === undefined) return readBody(request.raw, reservation, options);
    const process = processIn(request.query);
    const bodyBytesMax = plain === "json" ? jsonBytesMax : options.bodyBytesMax;
    const body = await readBody(request.raw, reservation, { ...options, bodyBytesMax });
    return inTurns(everySo(framesOfPlain(body, plain, process, framesMax)), addressOf(request.raw.socket));
  };

  for (const url of ["/logs", "/logs/"]) {
    server.post(url, { onRequest: (request) => admission.admit(request) }, take);
    server.route({
      method: ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"],
      url,
      onRequest: async () => {
        throw ingestMethod();
      },
      handler: () => {},
    });
  }
};

// An error that logplex has a text for is that text to the byte, and a header holds the mend; else both are the body.
function answerError(error: unknown, _request: FastifyRequest, reply: FastifyReply): unknown {
  if (!(error instanceof AppError)) throw error;
  refusedRequests.inc({ code: error.code });
  if (error.status === 405) reply.header("allow", "POST");
  if (error.status === 408) reply.header("connection", "close");
  if (error.status === 415) reply.header("accept-encoding", codingsTaken);
  if ([400, 401, 403].includes(error.status)) reply.header("www-authenticate", "Basic realm=Logplex");
  if ([400, 403].includes(error.status)) {
    reply.raw.statusMessage = error.message;
    reply.header("tailrace-error", error.mend);
    return reply.code(error.status).type("text/plain; charset=utf-8").send(error.message);
  }
  if (error.retryAfterS !== undefined) reply.header("retry-after", error.retryAfterS);
  return reply.code(error.status).type("text/plain; charset=utf-8").send(`${error.message}\n${error.mend}\n`);
}

/** Waits for all of them, so that nothing is in flight when the answer goes out; then throws the first failure. */
async function allStored(appends: readonly Promise<unknown>[]): Promise<void> {
  if (appends.length === 1) {
    await appends[0];
    return;
  }
  for (const outcome of await Promise.allSettled(appends)) {
    if (outcome.status === "rejected") throw outcome.reason;
  }
}
