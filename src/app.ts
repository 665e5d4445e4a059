/**
 * The composition root: it shows who holds whom. Opened from the inside out, closed from the outside in: intake stops
 * first, then tails end, then deliveries under way finish and cursors are committed; the log closes last.
 *
 *   listeners ─▶ AppendQueues ─▶ ChannelLog ◀─ Recent ◀─ Tails
 *       │                     ▲  ▲
 *    registry ─▶ Store        │  └──── DrainSupervisor ─▶ sinks
 *                             └─────── DrainNotices (through AppendQueues)
 *
 *   Tails and drains run users' patterns through Patterns.
 */

import type { Socket } from "node:net";
import type { Logger } from "pino";
import type { Addons } from "./addons/addons.ts";
import { openAdminServer } from "./app/admin-server.ts";
import type { Base } from "./app/base.ts";
import { registerRoutes } from "./app/http-routes.ts";
import { openAddons } from "./app/open-addons.ts";
import { makeCanary } from "./app/open-canary.ts";
import { openDrains, ownEndpoints, type Places } from "./app/open-drains.ts";
import { openEngine, sharedSecret } from "./app/open-engine.ts";
import { openSyslogDoors } from "./app/open-syslog.ts";
import { keptOperatorKey, warnOfOwnKey } from "./app/operator-key.ts";
import { BackgroundFailures } from "./background-failures.ts";
import { realClock } from "./clock.ts";
import { type Config, roles, settingsInForce, version } from "./config.ts";
import { docsPages } from "./control/docs-pages.ts";
import { healthApi } from "./control/health.ts";
import { describeApi } from "./control/openapi.ts";
import { platformParts } from "./control/platform/platform-parts.ts";
import { sharedAnswer } from "./control/shared-answer.ts";
import type { ChannelId } from "./core/ids.ts";
import { parseDestination, redactUrl } from "./drains/destination.ts";
import type { DrainHistories } from "./drains/drain-histories.ts";
import type { DrainTests } from "./drains/drain-tests.ts";
import { DrainNotices } from "./drains/notices.ts";
import { openFilesMax, watchOpenFiles, withinFiles } from "./files/open-files.ts";
import { BareRoutes } from "./http/bare-routes.ts";
import type { OnForeign } from "./http/client-errors.ts";
import { Connections } from "./http/connections.ts";
import { closeServer, httpServer, reloadTls } from "./http/http-server.ts";
import { BodyBudget } from "./ingest/bodies/body-budget.ts";
import { faultLimits, ingestLimits, loopLimits, sendersMax } from "./ingest/limits.ts";
import { AppendQueues } from "./ingest/queues/append-queues.ts";
import { DrainLoops } from "./ingest/routing/drain-loops.ts";
import { SenderFaults } from "./ingest/senders/sender-faults.ts";
import { Senders } from "./ingest/senders/senders.ts";
import { Scope } from "./lifecycle.ts";
import {
  answersBytesMax,
  appCensusMs,
  closeMsMax,
  histogramLimits,
  httpLimits,
  noticeEveryMs,
  patternLimits,
  readingLimits,
  readyAgeMsMax,
  registryLimits,
  tailLimits,
} from "./limits.ts";
import type { OtherNodes } from "./other-nodes.ts";
import { Patterns } from "./patterns/patterns.ts";
import { AppCensus } from "./registry/app-census.ts";
import { Apps } from "./registry/apps.ts";
import { CheckedStore } from "./registry/checked-store.ts";
import { DrainTokens } from "./registry/drain-tokens.ts";
import { Drains } from "./registry/drains.ts";
import { Keys } from "./registry/keys.ts";
import { ReadingRights } from "./registry/reading-rights.ts";
import { Tokens } from "./registry/tokens.ts";
import { WebSessions } from "./registry/web-sessions.ts";
import { listenFurther, shared } from "./sockets/further-listeners.ts";
import { listenFailure } from "./sockets/listen-failure.ts";
import { acceptedMax, newConnections } from "./sockets/new-connections.ts";
import { FrameHistory } from "./tail/frame-history.ts";
import { Histograms } from "./tail/histograms.ts";
import { summaryOf } from "./tail/log-summary.ts";
import { Recent } from "./tail/recent.ts";
import { SessionUrls } from "./tail/session-url.ts";
import { sessionParts } from "./tail/tail-part.ts";
import { Tails } from "./tail/tails.ts";

/** A running server. */
export type App = {
  /** The address at which clients reach it. */
  readonly url: string;
  /** The operator's own address, when there is one. */
  readonly admin: string | undefined;
  /** `HOST:PORT` of each syslog listener, by its flag. */
  readonly syslog: Awaited<ReturnType<typeof openSyslogDoors>>["addresses"];
  /** The file with the operator's key, if it did not come from the environment. */
  readonly keyPath: string | undefined;
  /**
   * Reads certificates and keys again, for new connections; resolves to the files that were read. Rejects if one cannot
   * be used.
   */
  reload(): Promise<readonly string[]>;
  close(): Promise<void>;
};

/**
 * Opens everything and listens. Rejects with an `AppError` for problems that the operator can mend; then nothing is
 * left open.
 */
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
  const failures = new BackgroundFailures({ logger, nowMs: () => clock.monotonicMs() });
  const filesMax = openFilesMax();
  newConnections.waitingMax = withinFiles(filesMax, "accepted", acceptedMax);
  const engine = scope.own("the log", await openEngine(config, clock, logger));
  const { log, others } = engine;
  const store = new CheckedStore(engine.store, logger);
  const base: Base = {
    config,
    clock,
    logger,
    scope,
    failures,
    log,
    store,
    has: (role) => config.roles.includes(role),
    within: (part, bound) => withinFiles(filesMax, part, bound),
  };
  const readiness = sharedAnswer(engine.readiness, readyAgeMsMax);
  const kept = givenKey === undefined ? await keptOperatorKey(config.data, logger) : undefined;
  if (kept !== undefined && config.roles.length < roles.length) warnOfOwnKey(kept, logger);
  const operatorSecret = givenKey ?? kept!.secret;
  const places = ownEndpoints(config);
  const registry = await openRegistry(base, operatorSecret, places);
  const intake = openIntake(base);
  const patterns = scope.own("patterns", new Patterns({ limits: patternLimits, logger }));
  const { drainTests, histories } = await openDrains(base, { ...registry, ...intake, ...places, patterns });
  const addons = openAddons(base, { ...registry, ...intake, ...places });
  const readers = openReaders(base, registry.keys, patterns);
  const shared = await sharedSecret(store);
  const urls = new SessionUrls({ secret: shared, clock, operatorSecret });
  const canary = makeCanary(base, registry, shared);
  const made = { urls, drainTests, histories, addons, readiness, canary, others };
  const parts = { ...registry, ...intake, ...readers, ...places, ...made };
  const http = await openHttp(base, parts);
  await canary?.start(http.url, places.own);
  const syslog = await openSyslog(base, { ...registry, ...intake, ...places });
  return {
    ...http,
    syslog: syslog?.addresses ?? {},
    reload: async () => [...(await http.reload()), ...((await syslog?.reload()) ?? [])],
    keyPath: kept?.path,
    close: () => scope.close(),
  };
}

type Registry = Awaited<ReturnType<typeof openRegistry>>;
type Intake = ReturnType<typeof openIntake>;
type Readers = ReturnType<typeof openReaders>;

/** The rules about records. */
async function openRegistry(
  { scope, store, log, clock, has, failures }: Base,
  operatorSecret: string,
  { policy, own }: Places,
) {
  const checkDestination = (url: string, options: { format?: string }) =>
    parseDestination(url, { ...options, allow: policy, own });
  const drains = new Drains({ store, log, clock, checkDestination });
  const tokens = scope.own(
    "tokens",
    new Tokens({ store, clock, cacheEntriesMax: registryLimits.tokenCacheMax }),
  );
  const keys = scope.own(
    "keys",
    new Keys({ store, clock, operatorSecret, cacheEntriesMax: registryLimits.keyCacheMax }),
  );
  const webSessions = new WebSessions({ store, clock, keys });
  scope.own("browsers that are signed in", { close: () => webSessions.stop() });
  const apps = new Apps({ store, log, clock, tokens, drains });
  if (has("control")) await apps.finishDestroying();
  if (has("control")) await keys.adoptOlder();
  if (has("control"))
    scope.own("the census of apps", new AppCensus({ apps, clock, failures, everyMs: appCensusMs }));
  return { drains, tokens, keys, webSessions, apps };
}

/** The way from accepted lines to appends, and the notices about senders' mistakes. */
function openIntake({ scope, store, log, clock, logger, has }: Base) {
  const queues = scope.own("append queues", new AppendQueues({ ...ingestLimits, log, clock, logger }));
  const append: AppendQueues["append"] = (channel, lines, via) => queues.append(channel, lines, via);
  const senders = new Senders({ clock, sendersMax });
  const faults = scope.own(
    "faults of senders",
    new SenderFaults({ ...faultLimits, logger, clock, failed: (...of) => senders.failed(...of) }),
  );
  const drainTokens = has("ingest")
    ? scope.own("drain tokens", new DrainTokens({ store, clock }))
    : undefined;
  const loops = new DrainLoops({
    ...loopLimits,
    channelOf: (token) => drainTokens?.channelOf(token),
    append,
    clock,
    logger,
  });
  const notices = scope.own("notices", new DrainNotices({ append, clock, logger, everyMs: noticeEveryMs }));
  const platform = scope.own(
    "platforms",
    platformParts({ store, clock, logger, append, watchesRunners: has("control") }),
  );
  return { queues, faults, senders, loops, notices, platform };
}

/** Everything that readers need, within its bounds. */
function openReaders(
  { scope, config, store, log, clock, failures, within }: Base,
  keys: Keys,
  patterns: Patterns,
) {
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
  const rights = scope.own("reading rights", new ReadingRights({ store, clock, keys }));
  const connections = new Connections({
    ...httpLimits,
    connectionsMax: within("http", httpLimits.connectionsMax),
    addressConnectionsMax: within("http", httpLimits.addressConnectionsMax),
  });
  const makeRoom = () => connections.makeRoom();
  scope.own("the watch of open files", watchOpenFiles({ clock, failures, makeRoom }));
  const tailsMax = within("streams", tailLimits.tailsMax);
  const opened = (socket: Socket) => connections.carriesStream(socket);
  const tails = scope.own("tails", new Tails({ ...tailLimits, tailsMax, closeMsMax, opened }));
  const parts = sessionParts({ log, recent, clock, selector: patterns.selector }, tailLimits);
  const histograms = new Histograms(parts, histogramLimits);
  return { recent, rights, connections, tails, parts, histograms };
}

type HttpParts = Places &
  Registry &
  Intake &
  Readers & {
    readonly urls: SessionUrls;
    readonly drainTests: DrainTests;
    readonly histories: DrainHistories;
    readonly addons: Addons;
    readonly readiness: () => Promise<readonly string[]>;
    readonly canary: ReturnType<typeof makeCanary>;
    readonly others: OtherNodes;
  };

/** The HTTP server with the routes of this node's roles, and the operator's own address. */
async function openHttp(base: Base, parts: HttpParts) {
  const { scope, config, logger } = base;
  const { connections, own, readiness } = parts;
  const { tlsCert, tlsKey } = config;
  const bare = new BareRoutes(base.clock);
  const onForeign: OnForeign = (address, cause) => parts.faults.note(address, cause);
  const limits = httpLimits;
  const server = await httpServer({ logger, connections, bare, limits, tlsCert, tlsKey, onForeign });
  const described = describeApi(server, { version });
  const isBrief = config.admin !== undefined;
  await server.register(healthApi, { readiness, isBrief });
  if (!isBrief) await server.register(docsPages, { described });
  await registerRoutes(server, config.roles, { ...routeParts(base, parts), bare });
  const listen = async () => server.listen(await shared(config.http));
  const address = await listen().catch((cause: unknown) => {
    throw listenFailure("--http", config.http, cause);
  });
  const further = await listenFurther(server.server);
  const url = tlsCert === undefined ? address : address.replace(/^http:/, "https:");
  own.listens({ ...config.http, port: Number(new URL(url).port) });
  scope.own("HTTP", { close: () => closeServer(server, connections, closeMsMax, further) });
  const settings = settingsInForce(config);
  const admin =
    config.admin &&
    scope.own(
      "the operator's address",
      await openAdminServer(config.admin, { logger, readiness, described, settings }),
    );
  if (admin !== undefined) own.listens({ ...config.admin!, port: Number(new URL(admin.url).port) });
  return { url, admin: admin?.url, reload: () => reloadTls(server, config) };
}

/** The parts that the routes of each role need. */
function routeParts({ config, clock, log, failures }: Base, parts: HttpParts) {
  const {
    queues,
    tokens,
    keys,
    loops,
    faults,
    senders,
    connections,
    recent,
    tails,
    rights,
    urls,
    drainTests,
    others,
  } = parts;
  const addressOf = (socket: Socket) => connections.addressOf(socket);
  const bodies = new BodyBudget(queues.budget, ingestLimits);
  return {
    ingest: {
      ...ingestLimits,
      queues,
      bodies,
      addressOf,
      tokens,
      keys,
      loops,
      faults,
      senders,
      others,
      clock,
    },
    tail: { parts: parts.parts, urls, tails, rights },
    canary: parts.canary?.echo,
    control: {
      summaryOf: (channel: ChannelId) => summaryOf({ log, recent, clock }, channel),
      histogramOf: (...of: Parameters<Histograms["read"]>) => parts.histograms.read(...of),
      frames: new FrameHistory({ log, recent, framesBytesMax: tailLimits.framesBytesMax }),
      tails,
      rights,
      bodies,
      addressOf,
      apps: parts.apps,
      tokens,
      keys,
      webSessions: parts.webSessions,
      drains: parts.drains,
      ...parts.platform,
      addons: parts.addons,
      clock,
      issueSession: (spec: Parameters<SessionUrls["issue"]>[0]) => urls.issue(spec),
      historyOf: (id: string) => parts.histories.of(id),
      testDrain: (record: Parameters<DrainTests["run"]>[0]) => drainTests.run(record),
      redactUrl,
      publicUrl: config.publicUrl,
      ingestUrl: config.ingestUrl ?? config.publicUrl,
      historyLinesMax: config.historyLines,
      answersBytesMax,
      readings: readingLimits,
      failures,
    },
  };
}

/** The syslog listeners, if this node takes lines. */
async function openSyslog(base: Base, parts: Places & Registry & Intake) {
  const { scope, config, clock, logger, has, within } = base;
  if (!has("ingest")) return undefined;
  const { own, queues, tokens, loops, faults, senders } = parts;
  const connectionsMax = within("syslog", ingestLimits.connectionsMax);
  const options = { ...ingestLimits, connectionsMax, queues, tokens, loops, faults, senders, logger, clock };
  return openSyslogDoors(config, options, { scope, listens: (at) => own.listens(at) });
}
