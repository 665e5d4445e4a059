/** The one HTTP server: how it is made and how it ends. Features register on it. */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createSecureContext } from "node:tls";
import fastify, { type FastifyInstance, LogController } from "fastify";
import type { Logger } from "pino";
import { pathPartCharsMax } from "./control/api.ts";
import { answerErrors, answerFrameworkError } from "./control/api-errors.ts";
import { tlsUnusable } from "./errors.ts";

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
    https: tlsCert === undefined ? null : await readTls(tlsCert, tlsKey!),
  }) as unknown as FastifyInstance; // fastify has a type for each protocol; the features need none of them
  answerErrors(server);
  return server;
}

/** The certificate chain and its key. Rejects with `tlsUnusable`, which says what of them is wrong. */
async function readTls(certFile: string, keyFile: string): Promise<{ cert: Buffer; key: Buffer }> {
  const [cert, key] = await Promise.all([readFile(certFile), readFile(keyFile)]);
  const certificate = /-----BEGIN [A-Z0-9 ]*CERTIFICATE-----/.test(cert.toString("latin1"))
    ? attempt(() => new X509Certificate(cert))
    : undefined;
  if (certificate === undefined) throw tlsUnusable(`--tls-cert ${certFile} holds no PEM certificate`);
  const privateKey = attempt(() => createPrivateKey(key));
  if (privateKey === undefined) {
    throw tlsUnusable(`--tls-key ${keyFile} holds no PEM private key, or one with a pass phrase`);
  }
  if (!certificate.checkPrivateKey(privateKey)) {
    throw tlsUnusable(`--tls-key ${keyFile} is not the key of --tls-cert ${certFile}`);
  }
  try {
    createSecureContext({ cert, key });
  } catch (cause) {
    throw tlsUnusable(`--tls-cert ${certFile} is refused (${(cause as Error).message})`, cause);
  }
  return { cert, key };
}

function attempt<Value>(make: () => Value): Value | undefined {
  try {
    return make();
  } catch {
    return undefined;
  }
}

/** Waits for requests under way, and cuts them off after `closeMsMax`. */
export async function closeServer(server: FastifyInstance, closeMsMax: number): Promise<void> {
  const cut = setTimeout(() => server.server.closeAllConnections(), closeMsMax);
  await server.close();
  clearTimeout(cut);
}
