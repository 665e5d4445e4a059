/**
 * Who holds whom. Opened from the inside out, closed from the outside in: intake stops first, then tails end, then
 * deliveries under way finish and cursors are committed; the log closes last.
 *
 *   listeners ─▶ Lanes ─▶ ChannelLog ◀─ Recent ◀─ Tails
 *       │                     ▲  ▲
 *    registry ─▶ Store        │  └──── DrainSupervisor ─▶ sinks
 *                             └─────── DrainNotices (through Lanes)
 *
 *   Tails and drains run users' patterns through Patterns.
 */

import { randomBytes } from "node:crypto";
import { isIPv6, type Socket } from "node:net";
import type { Logger } from "pino";
import { openAdminServer } from "./admin-server.ts";
import { realClock } from "./clock.ts";
import { type Config, type Role, settingsInForce, version } from "./config.ts";
import { docsPages } from "./control/docs-pages.ts";
import { healthApi } from "./control/health.ts";
import { describeApi } from "./control/openapi.ts";
import { sharedAnswer } from "./control/shared-answer.ts";
import { newProducerId } from "./core/ids.ts";
import { addressPolicy, loopbackCidrs, sparing } from "./drains/addresses.ts";
import { ConnectionSlots } from "./drains/connections/slots.ts";
import { boundsOf, parseDestination, redactUrl } from "./drains/destination.ts";
import { DrainTests } from "./drains/drain-tests.ts";
import { Leases } from "./drains/leases.ts";
import { Lookups } from "./drains/lookups.ts";
import { NameFiles } from "./drains/name-files.ts";
import { nameResolver } from "./drains/name-resolver.ts";
import { DrainNotices } from "./drains/notices.ts";
import { OwnPlaces } from "./drains/own-places.ts";
import { sinksFor } from "./drains/sink-for.ts";
import { DrainSupervisor } from "./drains/supervisor.ts";
import { ReadAheadBudget } from "./drains/worker/read-ahead.ts";
import { openEmbedded } from "./engines/embedded.ts";
import { openNats } from "./engines/nats/open.ts";
import { AppError } from "./errors.ts";
import { Failures } from "./failures.ts";
import { Connections } from "./http/connections.ts";
import { registerRoutes } from "./http-routes.ts";
import { closeServer, httpServer, reloadTls } from "./http-server.ts";
import { BodyBudget } from "./ingest/body-budget.ts";
import { DrainLoops } from "./ingest/drain-loops.ts";
import { Lanes } from "./ingest/lanes.ts";
import { faultLimits, ingestLimits, loopLimits } from "./ingest/limits.ts";
import { SenderFaults } from "./ingest/sender-faults.ts";
import { syslogListener } from "./ingest/syslog.ts";
import { Scope } from "./lifecycle.ts";
import {
  closeMsMax,
  drainLimits,
  drainShards,
  drainTestLimits,
  httpLimits,
  lookupLimits,
  noticeEveryMs,
  patternLimits,
  readAheadBytesMax,
  readyAgeMsMax,
  registryLimits,
  sharedCommitMsMax,
  sinkLimits,
  slotLimits,
  supervisorLimits,
  tailLimits,
} from "./limits.ts";
import { type FilesPart, openFilesMax, watchOpenFiles, withinFiles } from "./open-files.ts";
import { keptOperatorKey } from "./operator-key.ts";
import { Patterns } from "./patterns/patterns.ts";
import type { Clock, Store } from "./ports.ts";
import { Apps } from "./registry/apps.ts";
import { DrainTokens } from "./registry/drain-tokens.ts";
import { Drains } from "./registry/drains.ts";
import { Keys } from "./registry/keys.ts";
import { ReadingRights } from "./registry/reading-rights.ts";
import { Tokens } from "./registry/tokens.ts";
import { listenFailure } from "./start-failures.ts";
import { FrameHistory } from "./tail/frame-history.ts";
import { Recent } from "./tail/recent.ts";
import { sessionParts } from "./tail/session.ts";
import { SessionUrls } from "./tail/session-url.ts";
import { Tails } from "./tail/tails.ts";

/** A running server. */
export type App = {
  /** The address where it listens, as it is reached. */
  readonly url: string;
  /** The operator's own address, when there is one. */
  readonly admin: string | undefined;
  /** `HOST:PORT` of the syslog listener, when there is one. */
  readonly syslog: string | undefined;
  /** The file with the operator's key, when it did not come from the environment. */
  readonly keyPath: string | undefined;
  /** Reads the certificate and its key again, for connections from then on; which files that were. Rejects when one cannot be used. */
  reload(): Promise<readonly string[]>;
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
  const failures = new Failures({ logger, nowMs: () => clock.monotonicMs() });
  const has = (role: Role) => config.roles.includes(role);
  const filesMax = openFilesMax();
  const within = (part: FilesPart, bound: number) => withinFiles(filesMax, part, bound);
  const engine = scope.own("the log", await openEngine(config, clock, logger));
  const { log, store } = engine;
  const readiness = sharedAnswer(engine.readiness, readyAgeMsMax);
  const kept = givenKey === undefined ? await keptOperatorKey(config.data, logger) : undefined;

  const policy = addressPolicy([...config.drainAllow, ...(config.dev ? loopbackCidrs : [])]);
  const own = new OwnPlaces([config.publicUrl, config.ingestUrl].filter((url) => url !== undefined));
  for (const listener of [config.http, config.admin, config.syslog])
    if (typeof listener === "object") own.listens(listener);
  const checkDestination = (url: string, options: { format?: string }) =>
    parseDestination(url, { ...options, allow: policy, own });
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
  if (has("control")) await apps.finishDestroying();
  if (has("control")) await keys.adoptOlder();

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
  const faults = scope.own("faults of senders", new SenderFaults({ ...faultLimits, logger, clock }));
  const drainTokens = has("ingest")
    ? scope.own("drain tokens", new DrainTokens({ store, clock }))
    : undefined;
  const loops = new DrainLoops({
    ...loopLimits,
    channelOf: (token) => drainTokens?.channelOf(token),
    append: (channel, lines) => lanes.append(channel, lines),
    clock,
    logger,
  });
  const notices = scope.own(
    "notices",
    new DrainNotices({
      append: (channel, lines) => lanes.append(channel, lines),
      clock,
      logger,
      everyMs: noticeEveryMs,
    }),
  );
  const patterns = scope.own("patterns", new Patterns({ limits: patternLimits, logger }));
  const names = nameResolver({ ...lookupLimits, files: new NameFiles() });
  const { resolve } = new Lookups({ ...lookupLimits, clock }, names);
  const userAgent = `Logplex/tailrace-${version}`;
  const sinkFor = sinksFor({
    ...sinkLimits,
    userAgent,
    policy: sparing(policy, own),
    own,
    clock,
    resolve,
    appName: async (id) => (await apps.get(id))?.name,
  });
  const drainTests = new DrainTests({ sinkFor, clock, limits: drainTestLimits });
  const socketsMax = within("drains", slotLimits.socketsMax);
  const slots = scope.own("drain connections", new ConnectionSlots({ ...slotLimits, socketsMax, clock }));
  if (has("drain")) {
    const shared = config.nats !== undefined;
    const supervisor = scope.own(
      "drains",
      await DrainSupervisor.open({
        ...supervisorLimits,
        ...(shared && { shards: drainShards }),
        log,
        store,
        clock,
        random: Math.random,
        sinkFor,
        slots,
        readAhead: new ReadAheadBudget(readAheadBytesMax),
        patterns,
        notices,
        limits: shared ? { ...drainLimits, commitMsMax: sharedCommitMsMax } : drainLimits,
        receiverFor: boundsOf,
        logger,
      }),
    );
    if (shared) {
      const run = (shard: number, signal: AbortSignal, lease: number) => supervisor.run(shard, signal, lease);
      scope.own(
        "leases",
        new Leases({ store, clock, node: newProducerId(), shards: drainShards, run, failures }),
      );
    }
  }
  const rights = scope.own("reading rights", new ReadingRights({ store, clock, keys }));
  const connections = new Connections({
    ...httpLimits,
    connectionsMax: within("http", httpLimits.connectionsMax),
    addressConnectionsMax: within("http", httpLimits.addressConnectionsMax),
  });
  const makeRoom = () => connections.makeRoom();
  scope.own("the watch of open files", watchOpenFiles({ clock, failures, makeRoom }));
  const tailsMax = within("streams", tailLimits.tailsMax);
  const tails = scope.own(
    "tails",
    new Tails({ ...tailLimits, tailsMax, closeMsMax, opened: (socket) => connections.carriesStream(socket) }),
  );

  const addressOf = (socket: Socket) => connections.addressOf(socket);
  const bodies = new BodyBudget(lanes.pending, ingestLimits);
  const { tlsCert, tlsKey } = config;
  const server = await httpServer({ logger, connections, limits: httpLimits, tlsCert, tlsKey });
  const urls = new SessionUrls({ secret: await sharedSecret(store), clock, operatorSecret });
  await describeApi(server, { version });
  const document = () => server.swagger();
  const isBrief = config.admin !== undefined;
  await server.register(healthApi, { readiness, isBrief });
  if (!isBrief) await server.register(docsPages, { document });
  await registerRoutes(server, config.roles, {
    ingest: { ...ingestLimits, lanes, bodies, addressOf, tokens, keys, loops, faults, clock },
    tail: {
      parts: sessionParts({ log, recent, clock, selector: patterns.selector }, tailLimits),
      urls,
      tails,
      rights,
    },
    control: {
      frames: new FrameHistory({ log, recent, framesBytesMax: tailLimits.framesBytesMax }),
      tails,
      rights,
      bodies,
      addressOf,
      apps,
      tokens,
      keys,
      drains,
      clock,
      issueSession: (spec) => urls.issue(spec),
      testDrain: (record) => drainTests.run(record),
      redactUrl,
      publicUrl: config.publicUrl,
      ingestUrl: config.ingestUrl ?? config.publicUrl,
      historyLinesMax: config.historyLines,
      failures,
    },
  });
  const address = await server.listen(config.http).catch((cause: unknown) => {
    throw listenFailure("--http", config.http, cause);
  });
  const url = tlsCert === undefined ? address : address.replace(/^http:/, "https:");
  own.listens({ ...config.http, port: Number(new URL(url).port) });
  scope.own("HTTP", { close: () => closeServer(server, connections, closeMsMax) });

  const settings = settingsInForce(config);
  const admin =
    config.admin &&
    scope.own(
      "the operator's address",
      await openAdminServer(config.admin, { logger, readiness, document, settings }),
    );
  if (admin !== undefined) own.listens({ ...config.admin!, port: Number(new URL(admin.url).port) });

  const connectionsMax = within("syslog", ingestLimits.connectionsMax);
  const syslogAt = has("ingest") ? config.syslog : "off";
  const syslog =
    syslogAt === "off"
      ? undefined
      : scope.own(
          "syslog",
          await syslogListener({
            ...ingestLimits,
            connectionsMax,
            ...syslogAt,
            lanes,
            tokens,
            loops,
            faults,
            logger,
            clock,
          }).catch((cause: unknown) => {
            throw listenFailure("--syslog", syslogAt, cause);
          }),
        ).address;
  if (syslog !== undefined) own.listens({ host: syslog.address, port: syslog.port });
  return {
    url,
    admin: admin?.url,
    syslog: syslog && `${isIPv6(syslog.address) ? `[${syslog.address}]` : syslog.address}:${syslog.port}`,
    keyPath: kept?.path,
    reload: () => reloadTls(server, config),
    close: () => scope.close(),
  };
}

/** The log and the store, wherever they are kept; `readiness` tells what is wrong with them. */
async function openEngine(config: Config, clock: Clock, logger: Logger) {
  const retention = {
    ageMsMax: config.retain,
    channelBytesMax: config.retainApp,
    channelLinesMax: Number.POSITIVE_INFINITY,
    totalBytesMax: config.retainTotal,
  };
  if (config.nats === undefined) {
    const engine = await openEmbedded({ folder: config.data, clock, logger, retention });
    return {
      ...engine,
      readiness: async () => {
        const troubles = engine.troubles();
        return troubles.length > 0 ? troubles : unwritable(engine.store);
      },
    };
  }
  const engine = await openNats({
    urls: config.nats,
    replicas: config.natsReplicas,
    ...(config.natsShards !== undefined && { shards: config.natsShards }),
    name: `tailrace ${config.roles.join(",")}`,
    retention,
    logger,
    ...(config.natsCreds !== undefined && { credsFile: config.natsCreds }),
    ...(config.natsCa !== undefined && { tls: { caFile: config.natsCa } }),
  });
  return {
    ...engine,
    readiness: async () => {
      const { connected, jetstream } = engine.status();
      if (!connected) return ["there is no connection to NATS; it is tried again"];
      return jetstream === "ready" ? unwritable(engine.store) : ["JetStream does not answer"];
    },
  };
}

/** Signs session URLs: the same for every node and after every restart. */
async function sharedSecret(store: Store): Promise<Buffer> {
  const key = "setting/session-secret";
  await store.put(key, randomBytes(32).toString("base64url"), 0); // whoever is first makes it
  const record = await store.get<string>(key);
  return Buffer.from(record!.value, "base64url");
}

/** Ready is who can write: a full disk shows here before a sender is told 503. */
async function unwritable(store: Store): Promise<readonly string[]> {
  const key = "setting/ready-check";
  try {
    const before = await store.get(key);
    await store.put(key, realClock.nowMs(), before?.revision ?? 0);
    return [];
  } catch (error) {
    return [error instanceof AppError ? error.message : "the store cannot be written"];
  }
}
