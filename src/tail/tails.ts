/**
 * The open streams of a server: their number, their back-pressure, one heartbeat for all of them, and their clean
 * end. Nothing is pulled for a client that does not read: it costs a socket, one batch, and nothing that grows.
 */
import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Transport } from "../core/format/format.ts";
import type { ChannelId } from "../core/ids.ts";
import { appTailsFull, tailsFull, tailsStopping } from "../errors/tails.ts";
import { cutTails, openTails } from "../metrics.ts";
import { type Feed, Hubs } from "./hub.ts";
import { OpenTail } from "./open-tail.ts";
import type { ReadSession } from "./session.ts";
import { Stalls } from "./stalls.ts";

export type TailsOptions = {
  /** The bound of open streams; one more is refused. */
  readonly tailsMax: number;
  /** The same for one app, so that no app can take all. */
  readonly tailsPerAppMax: number;
  /** An event stream gets a comment after this long without an event. Plain text has no comments. */
  readonly heartbeatMs: number;
  /** A client that has read nothing for this long is cut off; `history`: of a stream that does not tail. */
  readonly stallMsMax: number;
  readonly historyStallMsMax: number;
  /** Bound for the memory of all stalled clients; beyond it, the one that has stalled for longest is cut off. */
  readonly unreadBytesMax: number;
  /** How long `close` waits for clients to take their last bytes. */
  readonly closeMsMax: number;
  /** Called with the connection of each stream, which is bounded here from then on. */
  readonly opened?: (socket: Socket) => void;
};

/** A stream to be served: its app, its reading, and its right. */
export type Stream = {
  readonly channel: ChannelId;
  /** The signal of the reader's right: the stream ends at once when it is aborted. */
  readonly over: AbortSignal;
  readonly transport: Transport;
  readonly tail: boolean;
  readonly read: ReadSession;
  /** Present if others want the same once it is up to date. */
  readonly feed?: Feed | undefined;
};

const historyWaitMsMax = 30_000; // the longest wait of a stream that does not tail for the log

/** Serves streams and ends them all. */
export class Tails {
  readonly #options: TailsOptions;
  readonly #open = new Set<OpenTail>();
  readonly #stalls: Stalls;
  readonly #hubs = new Hubs();
  readonly #perApp = new Map<ChannelId, number>();
  readonly #serving = new Set<Promise<void>>();
  readonly #timer: NodeJS.Timeout;
  #isClosed = false;

  constructor(options: TailsOptions) {
    this.#options = options;
    this.#stalls = new Stalls(options.unreadBytesMax, () => cutTails.inc({ reason: "unread" }));
    this.#timer = setInterval(() => this.#tick(), Math.ceil(options.heartbeatMs / 3)).unref();
  }

  /** Streams open now. */
  get count(): number {
    return this.#open.size;
  }

  /** Throws when `channel` may have no more streams. */
  admit(channel: ChannelId): void {
    const { tailsMax, tailsPerAppMax } = this.#options;
    if (this.#isClosed) throw tailsStopping();
    if ((this.#perApp.get(channel) ?? 0) >= tailsPerAppMax) throw appTailsFull(tailsPerAppMax);
    if (this.#open.size >= tailsMax) throw tailsFull(tailsMax);
  }

  /**
   * Writes the stream to a response whose head was sent, until either side ends it, and then closes the response.
   * When reading fails, `failed` is called and the client sees a broken stream; an event stream that tails ends
   * cleanly instead, because its client comes back by itself and resumes.
   */
  serve(response: ServerResponse, stream: Stream, failed: (cause: unknown) => void): Promise<void> {
    const serving = this.#serve(new OpenTail(response, stream, this.#stalls, this.#hubs), failed).finally(
      () => this.#serving.delete(serving),
    );
    this.#serving.add(serving);
    return serving;
  }

  /** Idempotent. Ends every stream cleanly, and cuts off clients that do not read the end in time. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#timer);
    for (const tail of this.#open) tail.stop();
    const cut = setTimeout(() => {
      for (const tail of this.#open) tail.cut();
    }, this.#options.closeMsMax);
    await Promise.all(this.#serving);
    clearTimeout(cut);
  }

  async #serve(tail: OpenTail, failed: (cause: unknown) => void): Promise<void> {
    const { channel, transport } = tail.stream;
    if (tail.socket !== null) this.#options.opened?.(tail.socket);
    this.#open.add(tail);
    this.#perApp.set(channel, (this.#perApp.get(channel) ?? 0) + 1);
    openTails.inc({ transport });
    if (this.#isClosed) tail.stop();
    try {
      await tail.run();
    } catch (cause) {
      failed(cause);
      if (!(tail.stream.tail && transport === "events")) tail.cut();
    }
    await tail.end();
    this.#open.delete(tail);
    const others = this.#perApp.get(channel)! - 1;
    if (others === 0) this.#perApp.delete(channel);
    else this.#perApp.set(channel, others);
    openTails.dec({ transport });
  }

  #tick(): void {
    const nowMs = performance.now();
    const { heartbeatMs, stallMsMax, historyStallMsMax } = this.#options;
    for (const tail of this.#open) {
      if (tail.stalledAtMs !== undefined) {
        if (nowMs - tail.stalledAtMs > (tail.stream.tail ? stallMsMax : historyStallMsMax)) {
          cutTails.inc({ reason: "stalled" });
          tail.cut();
        }
      } else if (!tail.stream.tail) {
        if (nowMs - Math.max(tail.partAtMs, tail.wroteAtMs) > historyWaitMsMax) tail.stop();
      } else if (tail.stream.transport === "events" && nowMs - tail.wroteAtMs >= heartbeatMs * 0.9) {
        tail.beat();
      }
    }
  }
}
