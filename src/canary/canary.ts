/**
 * Regularly sends a numbered line through the whole server: in by `POST /logs` at the address that senders use, through
 * the log, and out through a drain that leads back here. Metrics say how long each way took and what did not come back.
 */
import { createHmac, randomBytes } from "node:crypto";
import type { Logger } from "pino";
import type { ChannelId } from "../core/ids.ts";
import { canaryDelay, canaryLost, canaryRefused, canarySent } from "../metrics.ts";
import type { ChannelLog, Clock } from "../ports.ts";
import type { AppRecord, DrainRecord } from "../registry/records.ts";
import { echoPath } from "./echo-http.ts";
import { CanaryLedger, type CanaryLimits, canaryText, numbersIn, type Way, ways } from "./ledger.ts";

/** The app that its lines belong to: the operator sees it, and may add drains to it. */
const canaryApp = "tailrace-canary";
const source = "canary";
const sendMsMax = 10_000;

export type CanaryParts = {
  readonly apps: {
    get(name: string): Promise<AppRecord | undefined>;
    create(name: string, sources: readonly string[]): Promise<AppRecord>;
  };
  readonly tokens: {
    list(app: ChannelId): Promise<readonly { readonly token: string; readonly source: string }[]>;
  };
  readonly drains: {
    list(app: ChannelId): Promise<readonly DrainRecord[]>;
    create(app: ChannelId, wanted: { readonly url: string }): Promise<DrainRecord>;
    remove(app: ChannelId, id: DrainRecord["id"]): Promise<void>;
  };
  readonly log: Pick<ChannelLog, "follow">;
  readonly clock: Clock;
  readonly logger: Pick<Logger, "warn" | "info">;
  readonly everyMs: number;
  readonly limits: CanaryLimits;
};

/** The secret in the echo's address, the same on every node. */
export const echoSecret = (shared: Buffer): string =>
  createHmac("sha256", shared).update("canary echo").digest("base64url").slice(0, 32);

export class Canary {
  readonly #parts: CanaryParts;
  readonly #ledger: CanaryLedger;
  readonly #node = randomBytes(6).toString("hex");
  readonly #closing = new AbortController();
  #running: Promise<unknown> = Promise.resolve();

  constructor(parts: CanaryParts) {
    this.#parts = parts;
    this.#ledger = new CanaryLedger(parts.limits);
    for (const way of ways) canaryLost.inc({ way }, 0);
  }

  /** Called with everything that comes back. */
  came(way: Way, text: string): void {
    const nowMs = this.#parts.clock.monotonicMs();
    for (const number of numbersIn(text, this.#node)) {
      const tookMs = this.#ledger.returned(way, number, nowMs);
      if (tookMs !== undefined) canaryDelay.observe({ way }, tookMs / 1000);
    }
  }

  /** Call it once the server listens: `echoUrl` leads to its route, `ingestUrl` is where senders send. */
  async start(echoUrl: string, ingestUrl: string): Promise<void> {
    const { apps, tokens, logger } = this.#parts;
    const app = (await apps.get(canaryApp)) ?? (await apps.create(canaryApp, [source]));
    await this.#keepDrain(app.id, echoUrl);
    const found = (await tokens.list(app.id)).find((token) => token.source === source);
    if (found === undefined) {
      logger.warn(
        { app: canaryApp },
        "the canary has no token of its source: it rests. Destroy its app, and restart",
      );
      return;
    }
    this.#running = Promise.all([
      this.#follow(app.id),
      this.#send(new URL("logs", withSlash(ingestUrl)), found.token),
    ]);
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#running;
  }

  // An earlier address (with another secret, or another public URL) is not valid any more.
  async #keepDrain(app: ChannelId, echoUrl: string): Promise<void> {
    const { drains } = this.#parts;
    const own = (await drains.list(app)).filter(({ url = "" }) => url.includes(`${echoPath}/`));
    for (const { id, url } of own) if (url !== echoUrl) await drains.remove(app, id);
    if (!own.some(({ url }) => url === echoUrl)) await drains.create(app, { url: echoUrl });
  }

  async #follow(app: ChannelId): Promise<void> {
    const { log, clock } = this.#parts;
    const { signal } = this.#closing;
    while (!signal.aborted) {
      for await (const batch of log.follow(app, { kind: "now" }, signal))
        if (batch !== "foreign") this.came("log", Buffer.from(batch.bytes).toString("latin1"));
      await clock.sleep(this.#parts.everyMs, signal); // its app was destroyed
    }
  }

  async #send(url: URL, token: string): Promise<void> {
    const { clock, everyMs, logger } = this.#parts;
    const { signal } = this.#closing;
    let failures = 0;
    for (let number = 1; ; number++) {
      await clock.sleep(everyMs, signal);
      if (signal.aborted) return;
      const lost = this.#ledger.sent(number, clock.monotonicMs());
      for (const way of ways) canaryLost.inc({ way }, lost[way]);
      canarySent.inc();
      const failure = await this.#post(url, token, canaryText(this.#node, number));
      if (signal.aborted) return; // the stop itself cut it off
      if (failure !== undefined) {
        this.#ledger.withdraw(number);
        canaryRefused.inc();
        if (failures++ === 0)
          logger.warn({ at: url.origin, reason: failure }, "the canary's line was not taken");
      } else if (failures > 0) {
        logger.info({ failures }, "the canary's lines are taken again");
        failures = 0;
      }
    }
  }

  /** Undefined if it was accepted, otherwise the reason. */
  async #post(url: URL, token: string, text: string): Promise<string | undefined> {
    const time = new Date(this.#parts.clock.nowMs()).toISOString();
    const frame = `<14>1 ${time} host ${source} canary.1 - ${text}\n`; // ASCII only
    try {
      const { request } = await import("undici");
      const { statusCode, body } = await request(url, {
        method: "POST",
        headers: {
          authorization: `Basic ${Buffer.from(`token:${token}`).toString("base64")}`,
          "content-type": "application/logplex-1",
          "logplex-msg-count": "1",
        },
        body: `${frame.length} ${frame}`,
        headersTimeout: sendMsMax,
        bodyTimeout: sendMsMax,
        signal: this.#closing.signal,
      });
      await body.dump();
      return statusCode === 204 ? undefined : `it was answered ${statusCode}`;
    } catch (failure) {
      return (failure as { code?: string }).code ?? "the connection failed";
    }
  }
}

const withSlash = (url: string): string => (url.endsWith("/") ? url : `${url}/`);
