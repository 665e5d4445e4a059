/** A connection to the server in memory. What it receives comes later, as over a socket. */
import { createInbox, ErrorCode, type Msg, NatsError, type StreamConfig } from "nats";
import type { Served } from "../../../src/engines/nats/open.ts";
import type { StreamMaker, Wanted } from "../../../src/engines/nats/streams.ts";
import type { ConnectionStatus } from "../../../src/engines/nats/wire/connection.ts";
import { headersOf } from "../../../src/engines/nats/wire/straight.ts";
import type { InPieces, PublishOptions } from "../../../src/engines/nats/wire/wire.ts";
import type { Delivery } from "./consumer.ts";
import type { NatsModel } from "./server.ts";
import { matches } from "./stream.ts";

type Subscription = { readonly pattern: string; readonly take: (msg: Msg) => void; isOver: boolean };

export class ModelWire implements Served {
  readonly payloadBytesMax = 1024 * 1024;
  connected = true;
  readonly #server: NatsModel;
  readonly #whenClosed: () => void;
  readonly #exact = new Map<string, Subscription>();
  readonly #patterns = new Set<Subscription>();
  readonly #reconnected = new Set<() => void>();
  #isClosed = false;

  constructor(server: NatsModel, whenClosed: () => void) {
    this.#server = server;
    this.#whenClosed = whenClosed;
  }

  publish(subject: string, payload: Uint8Array | string = "", { reply, headers }: PublishOptions = {}): void {
    if (this.#isClosed) throw NatsError.errorForCode(ErrorCode.ConnectionClosed);
    if (!this.connected) return;
    const bytes = Buffer.from(payload);
    queueMicrotask(() =>
      this.#server.publish({ subject, payload: bytes, ...(headers && { headers }) }, reply),
    );
  }

  publishPieces({ subject, reply, headers, payload }: InPieces): void {
    this.publish(subject, Buffer.concat(payload), { reply, headers: headersOf(headers) });
  }

  subscribe(subject: string, take: (msg: Msg) => void): () => void {
    const subscription = { pattern: subject, take, isOver: false };
    const isPattern = /[*>]/.test(subject);
    if (isPattern) this.#patterns.add(subscription);
    else this.#exact.set(subject, subscription);
    return () => {
      subscription.isOver = true;
      if (isPattern) this.#patterns.delete(subscription);
      else if (this.#exact.get(subject) === subscription) this.#exact.delete(subject);
    };
  }

  request(subject: string, payload: Uint8Array | string, timeoutMs: number): Promise<Msg> {
    const inbox = createInbox();
    const settled = new AbortController();
    return new Promise<Msg>((resolve, reject) => {
      const end = this.subscribe(inbox, (msg) => {
        settle();
        if (msg.headers?.code === 503) reject(NatsError.errorForCode(ErrorCode.NoResponders));
        else resolve(msg);
      });
      const settle = () => {
        end();
        settled.abort();
      };
      void this.#server.clock.sleep(timeoutMs, settled.signal).then(() => {
        if (settled.signal.aborted) return;
        settle();
        reject(NatsError.errorForCode(ErrorCode.Timeout));
      });
      try {
        this.publish(subject, payload, { reply: inbox });
      } catch (error) {
        settle();
        reject(error);
      }
    });
  }

  onReconnect(listener: () => void): () => void {
    this.#reconnected.add(listener);
    return () => this.#reconnected.delete(listener);
  }

  /** The connection is gone: nothing goes out, nothing comes. */
  break(): void {
    this.connected = false;
  }

  /** The connection is there again. */
  restore(): void {
    this.connected = true;
    for (const listener of this.#reconnected) listener();
  }

  /** The server has something for who subscribed to `to`; false when nobody did. */
  hear(to: string, { subject, payload, headers, reply }: Delivery): boolean {
    if (!this.connected) return false;
    const msg = { subject, data: payload, headers, reply, string: () => Buffer.from(payload).toString() };
    const takers = [...this.#patterns].filter(({ pattern }) => matches(pattern, to));
    const exact = this.#exact.get(to);
    const all = exact === undefined ? takers : [exact, ...takers];
    for (const taker of all) {
      queueMicrotask(() => {
        if (!taker.isOver) taker.take(msg as unknown as Msg);
      });
    }
    return all.length > 0;
  }

  async streams(): Promise<StreamMaker> {
    const { streams } = this.#server;
    return {
      streams: {
        info: async (name: string) => {
          const stream = streams.get(name);
          if (stream !== undefined) return { config: stream.config as StreamConfig };
          throw Object.assign(new NatsError("stream not found", "404"), {
            api_error: { code: 404, err_code: 10059, description: "stream not found" },
          });
        },
        add: async (wanted: Wanted) => this.#server.add(wanted),
      },
    };
  }

  status(): ConnectionStatus {
    return { connected: this.connected, server: "model", version: "0", reconnects: 0 };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.connected = false;
    this.#whenClosed();
  }
}
