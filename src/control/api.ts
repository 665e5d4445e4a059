/** The APIs: Heroku's Platform API and logplex v3. Ingest, streams and health are registered elsewhere. */
import type { FastifyPluginAsync, FastifyRequest } from "fastify";
import type { Addons } from "../addons/addons.ts";
import type { BackgroundFailures } from "../background-failures.ts";
import { requestIdOf } from "../http/api-errors.ts";
import type { Clock } from "../ports.ts";
import type { Apps } from "../registry/apps.ts";
import type { Drains } from "../registry/drains.ts";
import type { Keys } from "../registry/keys.ts";
import type { Platforms } from "../registry/platform/platforms.ts";
import type { Runners } from "../registry/platform/runners.ts";
import type { ReadingRights } from "../registry/reading-rights.ts";
import type { Tokens } from "../registry/tokens.ts";
import type { FrameHistory } from "../tail/frame-history.ts";
import type { Tails } from "../tail/tails.ts";
import { addonItself } from "./addons/itself.ts";
import { addonOauth } from "./addons/oauth.ts";
import { addonProviders } from "./addons/providers.ts";
import { addonSignOn } from "./addons/sign-on.ts";
import { authenticate, decorateRequests, findApp } from "./auth.ts";
import { type BodyDeps, readBodies } from "./bodies.ts";
import type { BrowserDeps } from "./browser.ts";
import { logplexApi } from "./logplex.ts";
import { accountApi } from "./platform/account.ts";
import { addonsApi } from "./platform/addons.ts";
import { appsApi } from "./platform/apps.ts";
import { authorizationsApi } from "./platform/authorizations.ts";
import { configVarsApi } from "./platform/config-vars.ts";
import type { TestDrain } from "./platform/drain-actions.ts";
import type { HistoryOf } from "./platform/drain-history.ts";
import { dynosApi } from "./platform/dynos.ts";
import { formationApi } from "./platform/formation.ts";
import { logDrainsApi } from "./platform/log-drains.ts";
import { type HistogramOf, logHistogramApi } from "./platform/log-histogram.ts";
import { type IssueSession, logSessionsApi } from "./platform/log-sessions.ts";
import { logSummaryApi, type SummaryOf } from "./platform/log-summary.ts";
import { noMeaningApi } from "./platform/no-meaning.ts";
import type { TellApp } from "./platform/platform-lines.ts";
import { releasesApi } from "./platform/releases.ts";
import { runnerApi } from "./platform/runner.ts";
import { telemetryDrainsApi } from "./platform/telemetry-drains.ts";
import { boundReadings, ReadingPlaces, type ReadingPlacesLimits } from "./reading-places.ts";
import { serializeInTurns } from "./serialized-in-turns.ts";
import { boundUnreadAnswers } from "./unread-answers.ts";
import { webSessionApi } from "./web-session.ts";

export type ControlDeps = BodyDeps &
  BrowserDeps & {
    readonly apps: Apps;
    readonly tokens: Tokens;
    readonly keys: Keys;
    readonly drains: Drains;
    readonly platforms: Platforms;
    readonly runners: Runners;
    readonly tellApp: TellApp;
    readonly addons: Addons;
    readonly frames: FrameHistory;
    readonly tails: Tails;
    readonly rights: Pick<ReadingRights, "take">;
    readonly clock: Clock;
    readonly issueSession: IssueSession;
    readonly testDrain: TestDrain;
    readonly historyOf: HistoryOf;
    readonly redactUrl: (url: string) => string;
    /**
     * The base of URLs given to senders, without a trailing slash; undefined: senders use the address that they know.
     */
    readonly ingestUrl: string | undefined;
    readonly historyLinesMax: number;
    /** Summarises a channel's log. */
    readonly summaryOf: SummaryOf;
    /** Counts a channel's lines over time. */
    readonly histogramOf: HistogramOf;
    /** Total bytes of answers that clients have not read yet. */
    readonly answersBytesMax: number;
    /** GET requests that are being answered. */
    readonly readings: ReadingPlacesLimits;
    readonly failures: BackgroundFailures;
  };

/** Registers all routes. Failures are answered by the server's own handlers, see `answerErrors`. */
export const controlApi: FastifyPluginAsync<ControlDeps> = async (server, deps) => {
  decorateRequests(server);
  boundUnreadAnswers(server, deps.answersBytesMax);
  const addressOf = ({ raw }: FastifyRequest) => deps.addressOf(raw.socket);
  boundReadings(server, new ReadingPlaces(deps.readings, deps.clock), addressOf);
  serializeInTurns(server, addressOf);
  server.addHook("onRequest", async (request, reply) => {
    reply.header("request-id", requestIdOf(request));
  });
  await server.register(platformApi, deps);
  await server.register(logplexApi, deps);
  await server.register(ofProviders, deps);
  await server.register(webSessionApi, deps);
};

/** The Platform API: checks the key first, then the body as JSON of any media type, then the route. */
const platformApi: FastifyPluginAsync<ControlDeps> = async (server, deps) => {
  server.addHook("onRequest", async (request) => {
    await authenticate(request, deps.keys, deps);
    await findApp(request, deps.apps);
  });
  readBodies(server, deps);
  await server.register(accountApi);
  await server.register(appsApi, deps);
  await server.register(logSessionsApi, deps);
  await server.register(logSummaryApi, deps);
  await server.register(logHistogramApi, deps);
  await server.register(logDrainsApi, deps);
  await server.register(telemetryDrainsApi, deps);
  await server.register(authorizationsApi, deps);
  await server.register(formationApi, deps);
  await server.register(configVarsApi, deps);
  await server.register(releasesApi, deps);
  await server.register(dynosApi, deps);
  await server.register(runnerApi, deps);
  await server.register(addonsApi, deps);
  await server.register(noMeaningApi);
};

/** The calls of add-on providers, who have credentials of their own. */
const ofProviders: FastifyPluginAsync<ControlDeps> = async (server, deps) => {
  readBodies(server, deps);
  await server.register(addonProviders, deps);
  await server.register(addonItself, deps);
  await server.register(addonSignOn, deps);
  await server.register(addonOauth, deps);
};
