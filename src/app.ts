/**
 * Who holds whom. Opened from the inside out, closed from the outside in: intake stops first, then tails end, then
 * deliveries under way finish and cursors are committed; the log closes last.
 *
 *   listeners ─▶ Lanes ─▶ ChannelLog ◀─ Recent ◀─ Tails
 *       │                     ▲  ▲
 *    registry ─▶ Store        │  └──── DrainSupervisor ─▶ sinks
 *                             └─────── DrainNotices (through Lanes)
 */

import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { isIPv6 } from "node:net";
import fastify, { type FastifyInstance, LogController } from "fastify";
import type { Logger } from "pino";
import { realClock } from "./clock.ts";
import { type Config, version } from "./config.ts";
import { controlApi, pathPartCharsMax } from "./control/api.ts";
import { answerErrors, answerFrameworkError } from "./control/api-errors.ts";
import { describeApi } from "./control/openapi.ts";
import { addressPolicy, loopbackCidrs } from "./drains/addresses.ts";
import { ReadAhead } from "./drains/backlog.ts";
import { parseDestination, redactUrl } from "./drains/destination.ts";
import { DrainNotices } from "./drains/notices.ts";
import { sinksFor } from "./drains/sink-for.ts";
import { Sockets } from "./drains/sockets.ts";
import { DrainSupervisor } from "./drains/supervisor.ts";
import { tryDrain } from "./drains/try-drain.ts";
import { openLmdb } from "./engines/lmdb/open.ts";
import { AppError } from "./errors.ts";
import { ingestHttp } from "./ingest/http.ts";
import { Lanes } from "./ingest/lanes.ts";
import { ingestLimits } from "./ingest/limits.ts";
import { syslogListener } from "./ingest/syslog.ts";
import { Scope } from "./lifecycle.ts";
import {
  closeMsMax,
  drainLimits,
  noticeEveryMs,
  readAheadBytesMax,
  registryLimits,
  sinkLimits,
  socketLimits,
  supervisorLimits,
  tailLimits,
} from "./limits.ts";
import { keptOperatorKey } from "./operator-key.ts";
import type { Store } from "./ports.ts";
import { Apps } from "./registry/apps.ts";
import { Drains } from "./registry/drains.ts";
import { Keys } from "./registry/keys.ts";
import { Tokens } from "./registry/tokens.ts";
import { FormatCache } from "./tail/format-cache.ts";
import { sessionStreams } from "./tail/http.ts";
import { Recent } from "./tail/recent.ts";
import { SessionUrls } from "./tail/session-url.ts";
import { Tails } from "./tail/tails.ts";

/** A running server. */
export type App = {
  /** Where it listens, as it is reached. */
  readonly url: string;
  /** `HOST:PORT` of the syslog listener, when there is one. */
  readonly syslog: string | undefined;
  /** The file with the operator's key, when it did not come from the environment. */
  readonly keyPath: string | undefined;
  close(): Promise<void>;
};

/** Opens everything and listens. Rejects with an `AppError` for what the operator can mend; then nothing is left open. */
export async function openApp(
  config: Config,
  { logger, operatorKey }: { readonly logger: Logger; readonly operatorKey: string | undefined },
): Promise<App> {
  const scope = new Scope();
  try {
    return await open(config, logger, operatorKey, scope);
  } catch (error) {
    await scope.close();
    throw error;
  }
}

async function open(
  config: Config,
  logger: Logger,
  givenKey: string | undefined,
  scope: Scope,
): Promise<App> {
  const clock = realClock;
  const kept = givenKey === undefined ? await keptOperatorKey(config.data) : undefined;
  const engine = scope.own(
    "the log",
    await openLmdb({
      folder: config.data,
      clock,
      logger,
      retention: {
        ageMsMax: config.retain,
        channelBytesMax: config.retainApp,
        channelLinesMax: Number.POSITIVE_INFINITY,
        totalBytesMax: config.retainTotal,
      },
    }),
  );
  const { log, store } = engine;

  const policy = addressPolicy([...config.drainAllow, ...(config.dev ? loopbackCidrs : [])]);
  const checkDestination = (url: string, options: { format?: string }) =>
    parseDestination(url, { ...options, allow: policy });
  const drains = new Drains({ store, log, clock, checkDestination });
  const tokens = scope.own(
    "tokens",
    new Tokens({ store, clock, cacheEntriesMax: registryLimits.tokenCacheMax }),
  );
  const operatorSecret = givenKey ?? kept!.secret;
  const keys = scope.own(
    "keys",
    new Keys({ store, clock, operatorSecret, cacheEntriesMax: registryLimits.keyCacheMax }),
  );
  const apps = new Apps({ store, log, clock, tokens, drains });
  await apps.finishDestroying();

  const recent = scope.own(
    "recent lines",
    new Recent({
      log,
      clock,
      historyLines: config.historyLines,
      expiryMs: config.retain,
      ringsBytesMax: tailLimits.ringsBytesMax,
    }),
  );
  const lanes = scope.own("lanes", new Lanes({ ...ingestLimits, log, clock }));
  const notices = scope.own(
    "notices",
    new DrainNotices({
      append: (channel, lines) => lanes.append(channel, lines),
      clock,
      logger,
      everyMs: noticeEveryMs,
    }),
  );
  const sinkFor = sinksFor({ ...sinkLimits, userAgent: `Logplex/tailrace-${version}`, policy, clock });
  const sockets = scope.own("drain sockets", new Sockets({ ...socketLimits, clock }));
  scope.own(
    "drains",
    await DrainSupervisor.open({
      ...supervisorLimits,
      log,
      store,
      clock,
      random: Math.random,
      sinkFor,
      sockets,
      readAhead: new ReadAhead(readAheadBytesMax),
      notices,
      limits: drainLimits,
      logger,
    }),
  );
  const tails = scope.own("tails", new Tails({ ...tailLimits, closeMsMax }));

  const server = await httpServer(config, logger);
  const urls = new SessionUrls({ secret: await sharedSecret(store), clock });
  await describeApi(server, { version });
  await server.register(ingestHttp, { ...ingestLimits, lanes, tokens, keys, clock });
  await server.register(sessionStreams, {
    parts: { log, recent, formats: new FormatCache({ bytesMax: tailLimits.formatsBytesMax }), clock },
    urls,
    tails,
    appExists: async (channel) => (await apps.get(channel)) !== undefined,
  });
  await server.register(controlApi, {
    apps,
    tokens,
    keys,
    drains,
    log,
    clock,
    issueSession: (spec) => urls.issue(spec),
    tryDrain: (record) => tryDrain(record, { sinkFor, clock }),
    redactUrl,
    publicUrl: config.publicUrl,
    historyLinesMax: config.historyLines,
    readiness: () => unreadiness(store),
  });
  const url = await server.listen(config.http);
  scope.own("HTTP", { close: () => closeServer(server) });

  const syslog =
    config.syslog === "off"
      ? undefined
      : scope.own(
          "syslog",
          await syslogListener({ ...ingestLimits, ...config.syslog, lanes, tokens, logger, clock }),
        ).address;
  return {
    url,
    syslog: syslog && `${isIPv6(syslog.address) ? `[${syslog.address}]` : syslog.address}:${syslog.port}`,
    keyPath: kept?.path,
    close: () => scope.close(),
  };
}

// Requests are not logged: paths hold drain URLs and session ids, which are secrets.
async function httpServer(config: Config, logger: Logger): Promise<FastifyInstance> {
  const { tlsCert, tlsKey } = config;
  const server = fastify({
    loggerInstance: logger.child({}, logger.level === "info" ? { level: "warn" } : {}), // "listening" is ours to say
    logController: new LogController({ disableRequestLogging: true }),
    forceCloseConnections: "idle",
    routerOptions: { maxParamLength: pathPartCharsMax },
    frameworkErrors: answerFrameworkError,
    https: tlsCert === undefined ? null : { cert: await readFile(tlsCert), key: await readFile(tlsKey!) },
  }) as unknown as FastifyInstance; // fastify has a type for each protocol; the features need none of them
  answerErrors(server);
  return server;
}

/** Waits for requests under way, and cuts them off after `closeMsMax`. */
async function closeServer(server: FastifyInstance): Promise<void> {
  const cut = setTimeout(() => server.server.closeAllConnections(), closeMsMax);
  await server.close();
  clearTimeout(cut);
}

/** Signs session URLs: the same for every node and after every restart. */
async function sharedSecret(store: Store): Promise<Buffer> {
  const key = "setting/session-secret";
  await store.put(key, randomBytes(32).toString("base64url"), 0); // whoever is first makes it
  const record = await store.get<string>(key);
  return Buffer.from(record!.value, "base64url");
}

/** Ready is who can write: a full disk shows here before a sender is told 503. */
async function unreadiness(store: Store): Promise<readonly string[]> {
  const key = "setting/ready-check";
  try {
    const before = await store.get(key);
    await store.put(key, Date.now(), before?.revision ?? 0);
    return [];
  } catch (error) {
    return [error instanceof AppError ? error.message : "the store cannot be written"];
  }
}
