/** Opens the connection to the NATS servers according to the settings. */
import { readFileSync } from "node:fs";
import { type ConnectionOptions, connect, credsAuthenticator, NatsError } from "nats";
import { natsRefused, natsUnreachable } from "../../../errors/nats.ts";
import { Connection, type ConnectionSettings } from "./connection.ts";

const connectMsMax = 15_000;
const connectPauseMs = 250;
const reconnectPauseMs = 250;
/** Connects within a bounded time. Rejects with the URLs, the reason, and how to mend it. */
export async function openConnection(settings: ConnectionSettings): Promise<Connection> {
  const urls = settings.urls.map(withoutSecrets);
  const options = connectOptions(settings);
  const { clock } = settings;
  const giveUpAtMs = clock.monotonicMs() + (settings.connectMsMax ?? connectMsMax);
  for (;;) {
    try {
      return new Connection(await connect(options), urls, settings);
    } catch (cause) {
      if (isRefusal(cause)) throw natsRefused(urls, cause);
      if (clock.monotonicMs() >= giveUpAtMs) throw natsUnreachable(urls, cause);
      await clock.sleep(connectPauseMs);
    }
  }
}

function connectOptions({ urls, credsFile, tls, name }: ConnectionSettings): ConnectionOptions {
  return {
    servers: [...urls],
    name: name ?? "tailrace",
    timeout: 3000,
    maxReconnectAttempts: -1,
    reconnectTimeWait: reconnectPauseMs,
    reconnectJitter: 100,
    ignoreAuthErrorAbort: true,
    pingInterval: 5000,
    maxPingOut: 2,
    noAsyncTraces: true,
    ...(credsFile !== undefined && { authenticator: credsAuthenticator(readFileSync(credsFile)) }),
    ...(tls !== undefined && { tls: { ...tls } }),
  };
}

const refusals = new Set([
  "AUTHORIZATION_VIOLATION",
  "AUTHENTICATION_EXPIRED",
  "ACCOUNT_AUTHENTICATION_EXPIRED",
]);

const isRefusal = (cause: unknown): boolean => cause instanceof NatsError && refusals.has(cause.code);

/** A NATS URL without credentials, safe to show. */
export function withoutSecrets(url: string): string {
  return url.replace(/\/\/[^/@]*@/, "//");
}
