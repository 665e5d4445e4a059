/** The registry and its API in this process: a real server, real records, real lines, destinations played. */

import { once } from "node:events";
import { Agent, request as httpRequest, type IncomingMessage } from "node:http";
import { isDeepStrictEqual } from "node:util";
import { type FastifyInstance, fastify } from "fastify";
import { Addons } from "../../src/addons/addons.ts";
import type { Manifest } from "../../src/addons/manifest.ts";
import { Provider } from "../../src/addons/provider.ts";
import { BackgroundFailures } from "../../src/background-failures.ts";
import { realClock } from "../../src/clock.ts";
import { type ControlDeps, controlApi } from "../../src/control/api.ts";
import { docsPages } from "../../src/control/docs-pages.ts";
import { healthApi } from "../../src/control/health.ts";
import { describeApi } from "../../src/control/openapi.ts";
import { type PlatformParts, platformParts } from "../../src/control/platform/platform-parts.ts";
import type { CanonicalLines } from "../../src/core/batch/batch.ts";
import { type ChannelId, newProducerId } from "../../src/core/ids.ts";
import { addressPolicy } from "../../src/drains/addresses.ts";
import { parseDestination, redactUrl } from "../../src/drains/destination.ts";
import { DrainHistories } from "../../src/drains/drain-histories.ts";
import { NameFiles } from "../../src/drains/name-files.ts";
import { nameResolver } from "../../src/drains/name-resolver.ts";
import type { Step } from "../../src/drains/trace.ts";
import type { Engine } from "../../src/engines/engine.ts";
import { openMemory } from "../../src/engines/memory.ts";
import type { AppError } from "../../src/errors/app-error.ts";
import { answerErrors, answerFrameworkError } from "../../src/http/api-errors.ts";
import { pathPartCharsMax } from "../../src/http/http-server.ts";
import { BodyBudget } from "../../src/ingest/bodies/body-budget.ts";
import { ingestLimits } from "../../src/ingest/limits.ts";
import { MemoryBudget } from "../../src/ingest/queues/memory-budget.ts";
import {
  answersBytesMax,
  drainHistoryLimits,
  histogramLimits,
  lookupLimits,
  readingLimits,
  tailLimits,
} from "../../src/limits.ts";
import type { ChannelLog, Clock, Store, Verdict } from "../../src/ports.ts";
import { Apps } from "../../src/registry/apps.ts";
import { Drains } from "../../src/registry/drains.ts";
import { Keys } from "../../src/registry/keys.ts";
import { ReadingRights } from "../../src/registry/reading-rights.ts";
import type { DrainRecord } from "../../src/registry/records.ts";
import { Tokens } from "../../src/registry/tokens.ts";
import { removeRecord } from "../../src/registry/update.ts";
import { WebSessions } from "../../src/registry/web-sessions.ts";
import { FrameHistory } from "../../src/tail/frame-history.ts";
import { Histograms } from "../../src/tail/histograms.ts";
import { summaryOf } from "../../src/tail/log-summary.ts";
import { Recent } from "../../src/tail/recent.ts";
import { SessionUrls } from "../../src/tail/session-url.ts";
import { Tails, type TailsOptions } from "../../src/tail/tails.ts";
import { openPatterns } from "./patterns.ts";

export const operatorSecret = "the-operator's-key-of-the-tests";

/** One node's registry over `store` and `log`; several over the same two are several nodes. */
export class TestRegistry {
  readonly engine: Engine;
  readonly store: Store;
  readonly log: ChannelLog;
  readonly clock: Clock;
  readonly tokens: Tokens;
  readonly keys: Keys;
  readonly webSessions: WebSessions;
  readonly drains: Drains;
  readonly apps: Apps;

  private constructor(engine: Engine, clock: Clock, store: Store) {
    const { log } = engine;
    const parts = { store, log, clock };
    this.engine = engine;
    this.store = store;
    this.log = log;
    this.clock = clock;
    this.tokens = new Tokens({ ...parts, cacheEntriesMax: 1_000 });
    this.keys = new Keys({ ...parts, operatorSecret, cacheEntriesMax: 1_000 });
    this.webSessions = new WebSessions({ ...parts, keys: this.keys });
    const allow = addressPolicy(["127.0.0.0/8"]);
    this.drains = new Drains({
      ...parts,
      checkDestination: (url, options) => parseDestination(url, { ...options, allow }),
    });
    this.apps = new Apps({ ...parts, tokens: this.tokens, drains: this.drains });
  }

  /** `engine`: of another node. `store`: stands before the engine's own. */
  static async open(given: { engine?: Engine; clock?: Clock; store?: Store } = {}): Promise<TestRegistry> {
    const { clock = realClock } = given;
    const engine = given.engine ?? (await openMemory({ clock, retention: keepsAll }));
    return new TestRegistry(engine, clock, given.store ?? engine.store);
  }

  /** Lines `0…count-1` of the source app, process web.1, accepted now. */
  async write(
    channel: ChannelId,
    count: number,
    { text = "line", at = this.clock.nowMs() } = {},
  ): Promise<void> {
    const { line } = (await this.log.recent(channel, 0)).end;
    await this.log.append(channel, {
      ...testLines(count, text),
      producer: newProducerId(),
      firstLine: line,
      acceptedAtMs: at,
    });
  }

  async close(): Promise<void> {
    await this.tokens.close();
    await this.keys.close();
    await this.webSessions.stop();
    await this.engine.close();
  }
}

export const keepsAll = {
  ageMsMax: Number.POSITIVE_INFINITY,
  channelBytesMax: Number.POSITIVE_INFINITY,
  channelLinesMax: Number.POSITIVE_INFINITY,
  totalBytesMax: Number.POSITIVE_INFINITY,
};

/** `<190>1 … host app web.1 - line 0`, and so on. */
function testLines(count: number, text = "line"): CanonicalLines {
  const frames = Array.from({ length: count }, (_, n) => {
    const frame = `<190>1 2026-01-02T03:04:05.000006+00:00 host app web.1 - ${text} ${n}`;
    return `${Buffer.byteLength(frame)} ${frame}`;
  });
  return { bytes: Buffer.from(frames.join("")), count, form: "logplex" };
}

export type Answer = {
  readonly status: number;
  readonly headers: Record<string, string | string[] | number | undefined>;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every kind
  readonly json: any;
};

/** The API over a registry, on a real port, called as HTTP clients do. */
export class ControlServer {
  readonly registry: TestRegistry;
  readonly server: FastifyInstance;
  readonly sessions: SessionUrls;
  readonly routes: { method: string; url: string }[] = [];
  /** What the next test of a drain finds, and the drain that it was asked for. */
  verdict: Verdict = { kind: "delivered" };
  steps: readonly Step[] = [];
  tried: DrainRecord | undefined;
  readonly histories = new DrainHistories(drainHistoryLimits);
  reasons: readonly string[] = [];
  #faults: readonly string[] = [];
  /** The URL at which it listens. */
  url = "";
  readonly #agent = new Agent({ keepAlive: true });
  readonly #recent: Recent;
  readonly #tails: Tails;
  readonly #rights: ReadingRights;
  readonly #platform: PlatformParts;
  readonly addons: Addons;
  readonly providerFailures: { readonly service: string; readonly method: string; readonly code: string }[] =
    [];

  private constructor(
    registry: TestRegistry,
    bounds: Partial<TailsOptions>,
    manifests: ReadonlyMap<string, Manifest>,
  ) {
    this.registry = registry;
    this.#recent = new Recent({
      ...registry,
      historyLines: 1_500,
      expiryMs: Number.POSITIVE_INFINITY,
      ringsBytesMax: 1 << 20,
    });
    this.#tails = new Tails({ ...tailLimits, ...bounds, closeMsMax: 0 });
    this.#rights = new ReadingRights(registry);
    this.#platform = platformParts({
      ...registry,
      logger: { warn: () => {} },
      watchesRunners: true,
      append: async (channel, lines) => {
        const { line } = (await registry.log.recent(channel, 0)).end;
        const batch = { ...lines, producer: newProducerId(), firstLine: line };
        await registry.log.append(channel, { ...batch, acceptedAtMs: registry.clock.nowMs() });
      },
    });
    const policy = addressPolicy(["127.0.0.0/8"]);
    const resolve = nameResolver({ ...lookupLimits, files: new NameFiles() });
    const onFailure = (service: string, method: string, { code }: AppError) =>
      this.providerFailures.push({ service, method, code });
    const provider = new Provider({ policy, resolve, clock: registry.clock, onFailure });
    this.addons = new Addons({ ...registry, ...this.#platform, provider, manifests });
    registry.apps.beforeDestroying = (id, user) => this.addons.destroyAll(id, user);
    this.sessions = new SessionUrls({ secret: Buffer.alloc(32, 7), clock: registry.clock, operatorSecret });
    this.server = fastify({
      routerOptions: { maxParamLength: pathPartCharsMax },
      frameworkErrors: answerFrameworkError as never,
    });
  }

  /** `described`: with its pages at /docs. */
  static async open(
    options: Partial<ControlDeps> & {
      registry?: TestRegistry;
      described?: boolean;
      tailBounds?: Partial<TailsOptions>;
      manifests?: ReadonlyMap<string, Manifest>;
    } = {},
  ): Promise<ControlServer> {
    const {
      registry = await TestRegistry.open(),
      described = false,
      tailBounds = {},
      manifests = new Map(),
      ...deps
    } = options;
    const opened = new ControlServer(registry, tailBounds, manifests);
    const { server } = opened;
    server.addHook("onRoute", ({ method, url }) => {
      for (const one of [method].flat()) opened.routes.push({ method: one, url });
    });
    opened.#watchSchemas();
    answerErrors(server);
    if (described) {
      await server.register(docsPages, { described: describeApi(server, { version: "0.0.0" }) });
    }
    await server.register(healthApi, { readiness: async () => opened.reasons });
    const { selector } = openPatterns();
    const histograms = new Histograms({ ...registry, recent: opened.#recent, selector }, histogramLimits);
    await server.register(controlApi, {
      histogramOf: (...of) => histograms.read(...of),
      summaryOf: (channel) => summaryOf({ ...registry, recent: opened.#recent }, channel),
      frames: new FrameHistory({ log: registry.log, recent: opened.#recent, framesBytesMax: 1 << 20 }),
      tails: opened.#tails,
      rights: opened.#rights,
      bodies: new BodyBudget(new MemoryBudget(ingestLimits.memoryBytesMax), ingestLimits),
      addressOf: () => "here",
      apps: registry.apps,
      tokens: registry.tokens,
      keys: registry.keys,
      webSessions: registry.webSessions,
      drains: registry.drains,
      ...opened.#platform,
      addons: opened.addons,
      clock: registry.clock,
      historyOf: (id) => opened.histories.of(id),
      issueSession: (spec) => opened.sessions.issue(spec),
      testDrain: async (record) => {
        opened.tried = record;
        return { verdict: opened.verdict, steps: opened.steps };
      },
      redactUrl,
      publicUrl: undefined,
      ingestUrl: undefined,
      historyLinesMax: 1_500,
      answersBytesMax,
      readings: readingLimits,
      failures: new BackgroundFailures({ logger: undefined, nowMs: () => registry.clock.nowMs() }),
      ...deps,
    });
    opened.url = await server.listen({ host: "127.0.0.1", port: 0 });
    return opened;
  }

  /** A call with the operator's key, or another, or none; a body that is no text is sent as JSON. */
  async call(
    method: string,
    url: string,
    body?: unknown,
    { key = operatorSecret, headers = {} }: { key?: string | null; headers?: Record<string, string> } = {},
  ): Promise<Answer> {
    const sent = typeof body === "string" || body === undefined ? body : JSON.stringify(body);
    const request = httpRequest(new URL(this.url), {
      method,
      path: url,
      agent: this.#agent,
      headers: {
        ...(key !== null && { authorization: `Bearer ${key}` }),
        ...(sent !== undefined && {
          "content-type": "application/json",
          "content-length": Buffer.byteLength(sent),
        }),
        ...headers,
      },
    });
    request.end(sent);
    const [response] = (await once(request, "response")) as [IncomingMessage];
    const parts: Buffer[] = [];
    for await (const part of response) parts.push(part as Buffer);
    const text = Buffer.concat(parts).toString();
    if (this.#faults.length > 0) throw new Error(this.#faults.join("\n"));
    const isJson = text !== "" && /json/.test(String(response.headers["content-type"]));
    return {
      status: response.statusCode!,
      headers: response.headers,
      text,
      json: isJson ? JSON.parse(text) : undefined,
    };
  }

  // A field that a schema does not name is dropped without a word: every answer of every test is looked at.
  #watchSchemas(): void {
    const whole = new WeakMap<object, unknown>();
    this.server.addHook("preSerialization", async (request, _reply, payload) => {
      whole.set(request, JSON.parse(JSON.stringify(payload)));
      return payload;
    });
    this.server.addHook("onSend", async (request, _reply, payload) => {
      if (whole.has(request) && !request.url.startsWith("/docs")) {
        this.#faults = isDeepStrictEqual(JSON.parse(String(payload)), whole.get(request))
          ? this.#faults
          : [...this.#faults, `${request.method} ${request.url}: the schema and the answer differ`];
      }
      return payload;
    });
  }

  /** Resets it: no apps, no keys, no scripted answers. */
  async reset(): Promise<void> {
    const { apps, keys, store } = this.registry;
    for (const { id } of await apps.list()) await apps.destroy(id);
    for (const { id } of await keys.list()) await keys.revoke(id);
    await removeRecord(store, "setting/drain-number");
    this.verdict = { kind: "delivered" };
    this.steps = [];
    this.tried = undefined;
    this.reasons = [];
  }

  async close(): Promise<void> {
    this.#agent.destroy();
    await this.server.close();
    await this.#recent.close();
    await this.#tails.close();
    await this.#rights.close();
    await this.#platform.close();
    await this.registry.close();
  }
}
