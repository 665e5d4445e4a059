/** The one HTTP server: how it is made and how it ends. Features register on it. */
import { readFile } from "node:fs/promises";
import fastify, { type FastifyInstance, LogController } from "fastify";
import type { Logger } from "pino";
import { pathPartCharsMax } from "./control/api.ts";
import { answerErrors, answerFrameworkError } from "./control/api-errors.ts";

/** For a whole request to arrive: what is sent on after an early refusal is read and dropped no longer than this. */
const requestMsMax = 60_000;

/** A server without routes. Requests are not logged: paths hold drain URLs and session ids, which are secrets. */
export async function httpServer({
  logger,
  tlsCert,
  tlsKey,
}: {
  readonly logger: Logger;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
}): Promise<FastifyInstance> {
  const server = fastify({
    loggerInstance: logger.child({}, logger.level === "info" ? { level: "warn" } : {}), // "listening" is ours to say
    logController: new LogController({ disableRequestLogging: true }),
    forceCloseConnections: "idle",
    requestTimeout: requestMsMax,
    routerOptions: { maxParamLength: pathPartCharsMax },
    frameworkErrors: answerFrameworkError,
    https: tlsCert === undefined ? null : { cert: await readFile(tlsCert), key: await readFile(tlsKey!) },
  }) as unknown as FastifyInstance; // fastify has a type for each protocol; the features need none of them
  answerErrors(server);
  return server;
}

/** Waits for requests under way, and cuts them off after `closeMsMax`. */
export async function closeServer(server: FastifyInstance, closeMsMax: number): Promise<void> {
  const cut = setTimeout(() => server.server.closeAllConnections(), closeMsMax);
  await server.close();
  clearTimeout(cut);
}
