/** Creates and closes the HTTP servers. Features register on them. */
import { createServer as createTlsServer } from "node:https";
import type { Server, Socket } from "node:net";
import type { Server as TlsServer } from "node:tls";
import fastify, { type FastifyInstance, LogController } from "fastify";
import type { Logger } from "pino";
import { http } from "../node-http.ts";
import { newConnections } from "../sockets/new-connections.ts";
import { answerErrors, answerFrameworkError } from "./api-errors.ts";
import type { BareRoutes } from "./bare-routes.ts";
import { readCertificate } from "./certificate.ts";
import { answerClientErrors, type OnForeign } from "./client-errors.ts";
import type { Connections } from "./connections.ts";
import { isRepeated } from "./repeated-request.ts";
import { RequestGate, type RequestGateLimits } from "./request-gate.ts";

type HttpServerLimits = RequestGateLimits & {
  /** For a TLS handshake, and for all headers of a request. */
  readonly headersMsMax: number;
};

/** The longest part of a path: drain URLs and session ids are such parts. */
export const pathPartCharsMax = 8_192;
/** How often to look for requests that are late. */
const checkEveryMs = 2_000;
/** How often to close idle connections while the server stops. */
const idleEveryMs = 50;

/** A server without routes. Requests are not logged: paths hold drain URLs and session ids, which are secrets. */
export async function httpServer({
  logger,
  connections,
  bare,
  limits,
  tlsCert,
  tlsKey,
  onForeign,
}: {
  readonly logger: Logger;
  readonly connections: Connections;
  readonly bare?: BareRoutes;
  readonly limits: HttpServerLimits;
  readonly tlsCert?: string | undefined;
  readonly tlsKey?: string | undefined;
  readonly onForeign?: OnForeign;
}): Promise<FastifyInstance> {
  const certificate = tlsCert === undefined ? undefined : await readCertificate(tlsCert, tlsKey!);
  const bounds = {
    headersTimeout: limits.headersMsMax,
    requestTimeout: limits.requestMsMax,
    keepAliveTimeout: limits.keepAliveMs,
    connectionsCheckingInterval: checkEveryMs,
    requireHostHeader: false, // the gate checks it
  };
  const server = fastify({
    loggerInstance: logger.child({}, logger.level === "info" ? { level: "warn" } : {}), // "listening" is logged elsewhere
    logController: new LogController({ disableRequestLogging: true }),
    childLoggerFactory: (log) => log, // a logger for each request would cost more than finding its route
    forceCloseConnections: "idle",
    routerOptions: { maxParamLength: pathPartCharsMax },
    frameworkErrors: answerFrameworkError,
    clientErrorHandler: answerClientErrors(connections, onForeign),
    serverFactory: (handle) => {
      const gate = new RequestGate(
        connections,
        (request, response) => {
          const listener = isRepeated(request) ? bare?.begun(request) : bare?.find(request);
          (listener ?? handle)(request, response);
        },
        bare,
        limits,
      );
      const { IncomingMessage, ServerResponse } = gate;
      const options = { ...bounds, IncomingMessage, ServerResponse };
      const listener =
        certificate === undefined
          ? http.createServer(options)
          : createTlsServer({ ...options, ...certificate, handshakeTimeout: limits.headersMsMax });
      const isTls = certificate !== undefined;
      const shakeHands = isTls ? connectionListenersOf(listener) : undefined;
      connections.attach(listener, { isTls });
      gate.attach(listener, { isTls });
      if (shakeHands !== undefined) {
        listener.on("connection", (socket: Socket) => {
          if (socket.destroyed) return;
          const [begin, late] = [() => shakeHands(socket), () => socket.destroy()];
          newConnections.addHello(socket, { msMax: limits.headersMsMax, begin, late });
        });
      }
      newConnections.attach(listener);
      return listener;
    },
  }) as unknown as FastifyInstance; // fastify has a type for each protocol, which the features do not need
  answerErrors(server);
  return server;
}

/** Removes the listeners for connections of `server`; the result calls them. */
function connectionListenersOf(server: Server): (socket: Socket) => void {
  const listeners = server.listeners("connection") as ((socket: Socket) => void)[];
  server.removeAllListeners("connection");
  return (socket) => {
    for (const listener of listeners) listener.call(server, socket);
  };
}

/**
 * Reads certificate and key again, for connections from then on; open connections are kept. Resolves to the files;
 * rejects with `tlsUnusable`, and the previous certificate stays in use.
 */
export async function reloadTls(
  server: FastifyInstance,
  { tlsCert, tlsKey }: { readonly tlsCert?: string; readonly tlsKey?: string },
): Promise<readonly string[]> {
  if (tlsCert === undefined) return [];
  (server.server as unknown as TlsServer).setSecureContext(await readCertificate(tlsCert, tlsKey!));
  return [tlsCert, tlsKey!];
}

/**
 * Waits for requests under way, and cuts them off after `closeMsMax`. Idle connections hold nothing up, nor do
 * connections that come while streams are being ended.
 */
export async function closeServer(
  server: FastifyInstance,
  connections: Connections,
  closeMsMax: number,
  further?: { close(): Promise<void> },
): Promise<void> {
  const cut = setTimeout(() => server.server.closeAllConnections(), closeMsMax);
  const closing = setInterval(() => connections.closeIdle(), idleEveryMs);
  try {
    await Promise.all([server.close(), further?.close()]);
  } finally {
    clearInterval(closing);
    clearTimeout(cut);
  }
}
