/**
 * One connection to the NATS servers, which reconnects by itself for ever, and reports its state. The whole engine
 * shares one, except for history, which has its own.
 */
import { Events, type JetStreamManager, type Msg, type NatsConnection } from "nats";
import type { Logger } from "pino";
import { natsConnected, natsReconnects } from "../../../metrics.ts";
import type { Clock } from "../../../ports.ts";
import { headersOf, Straight } from "./straight.ts";
import type { InPieces, PublishOptions, Wire } from "./wire.ts";

export type ConnectionSettings = {
  /** `nats://HOST:PORT` or `tls://…`; each of them leads to the cluster. */
  readonly urls: readonly string[];
  /** A credentials file as written by nsc. */
  readonly credsFile?: string;
  readonly tls?: { readonly caFile?: string; readonly certFile?: string; readonly keyFile?: string };
  /** The name in the server's lists. */
  readonly name?: string;
  readonly logger?: Logger;
  readonly clock: Clock;
  /** False: it is left out of the metrics. */
  readonly isCounted?: boolean;
  /** How long to try at the start. */
  readonly connectMsMax?: number;
};

/** The connection's state, for `/readyz` and metrics. */
export type ConnectionStatus = {
  readonly connected: boolean;
  /** The server that it is connected to, or was last. */
  readonly server: string;
  readonly version: string;
  readonly reconnects: number;
};

/** How long closing waits for the last messages to go out. */
const flushMsMax = 2000;

/** The wire to real servers. */
export class Connection implements Wire {
  readonly #nats: NatsConnection;
  readonly #straight: Straight;
  readonly #urls: readonly string[];
  readonly #logger: Logger | undefined;
  readonly #clock: Clock;
  readonly #isCounted: boolean;
  readonly #reconnected = new Set<() => void>();
  #connected = true;
  #reconnects = 0;
  #closing = false;
  #version: string;
  #server: string;

  constructor(
    nats: NatsConnection,
    urls: readonly string[],
    { logger, clock, isCounted = true }: ConnectionSettings,
  ) {
    this.#nats = nats;
    this.#straight = new Straight(nats, clock);
    this.#urls = urls;
    this.#logger = logger;
    this.#clock = clock;
    this.#isCounted = isCounted;
    this.#version = nats.info?.version ?? "unknown";
    this.#server = nats.getServer();
    if (isCounted) natsConnected.set(1);
    void this.#watch();
  }

  get connected(): boolean {
    return this.#connected && !this.#closing;
  }

  get payloadBytesMax(): number {
    return this.#nats.info?.max_payload ?? 1024 * 1024;
  }

  /** Creates streams, and reads those that exist. */
  streams(): Promise<JetStreamManager> {
    return this.#nats.jetstreamManager({ checkAPI: false, timeout: 5000 });
  }

  status(): ConnectionStatus {
    return {
      connected: this.connected,
      server: this.#server,
      version: this.#version,
      reconnects: this.#reconnects,
    };
  }

  onReconnect(listener: () => void): () => void {
    this.#reconnected.add(listener);
    return () => this.#reconnected.delete(listener);
  }

  publish(subject: string, payload?: Uint8Array | string, options?: PublishOptions): void {
    this.#nats.publish(subject, payload, options);
  }

  publishPieces(message: InPieces): void {
    if (this.#straight.publish(message)) return;
    const { subject, reply, headers, payload } = message;
    this.#nats.publish(subject, Buffer.concat(payload), { reply, headers: headersOf(headers) });
  }

  subscribe(subject: string, take: (msg: Msg) => void): () => void {
    const subscription = this.#nats.subscribe(subject, {
      callback: (error, msg) => {
        if (error === null) take(msg);
      },
    });
    return () => subscription.unsubscribe();
  }

  request(subject: string, payload: Uint8Array | string, timeoutMs: number): Promise<Msg> {
    return this.#nats.request(subject, payload, { timeout: timeoutMs });
  }

  /** Idempotent. Flushes what was published if there is a server to take it. */
  async close(): Promise<void> {
    if (this.#closing) return;
    this.#closing = true;
    if (this.#connected) {
      const flushed = new AbortController();
      const flush = this.#nats.flush().catch(() => {});
      await Promise.race([flush, this.#clock.sleep(flushMsMax, flushed.signal)]);
      flushed.abort();
    }
    await this.#nats.close();
  }

  async #watch(): Promise<void> {
    for await (const status of this.#nats.status()) {
      if (status.type === Events.Disconnect) {
        if (this.#connected && !this.#closing) {
          this.#logger?.warn({ server: this.#server }, "the connection to NATS is gone: reconnecting");
        }
        this.#connected = false;
        if (this.#isCounted) natsConnected.set(0);
      } else if (status.type === Events.Reconnect) {
        this.#connected = true;
        this.#reconnects++;
        if (this.#isCounted) {
          natsConnected.set(1);
          natsReconnects.inc();
        }
        this.#server = this.#nats.getServer();
        this.#version = this.#nats.info?.version ?? this.#version;
        this.#logger?.info({ server: this.#server, version: this.#version }, "connected to NATS again");
        for (const listener of this.#reconnected) listener();
      } else if (status.type === Events.Error) {
        this.#logger?.warn({ reason: String(status.data), urls: this.#urls }, "NATS reports an error");
      }
    }
  }
}
