/**
 * The open streams of a server: their number, their back-pressure, one heartbeat for all of them, and their clean end.
 * A client that does not read is not pulled for: it costs a socket, one batch, and nothing that grows.
 */
import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Transport } from "../core/format.ts";
import type { ChannelId } from "../core/ids.ts";
import type { Position } from "../core/position.ts";
import { appTailsFull, tailsFull, tailsStopping } from "../errors/tails.ts";
import { cutTails, openTails, tailLines } from "../metrics.ts";
import type { ReadSession, TailPart } from "./session.ts";
import { Stalls } from "./stalls.ts";

export type TailsOptions = {
  /** Streams open at a time; one more is refused. */
  readonly tailsMax: number;
  /** The same for one app, so that one cannot take all. */
  readonly tailsPerAppMax: number;
  /** An event stream that was silent for so long gets a comment. Plain text has no comments. */
  readonly heartbeatMs: number;
  /** A client that took nothing of what it was sent for so long is cut off; `history`: of a stream that does not tail. */
  readonly stallMsMax: number;
  readonly historyStallMsMax: number;
  /** The memory of all stalled clients together; beyond it the one that stalls longest is cut off. */
  readonly unreadBytesMax: number;
  /** How long `close` waits for clients to take their last bytes. */
  readonly closeMsMax: number;
  /** Told of the connection of each stream, which is bounded here from then on. */
  readonly opened?: (socket: Socket) => void;
};

/** A stream to be served: its app, its reading, and its right. */
export type Stream = {
  readonly channel: ChannelId;
  /** The signal of the reader's right: when it is aborted the stream ends at once. */
  readonly over: AbortSignal;
  readonly transport: Transport;
  readonly tail: boolean;
  readonly read: ReadSession;
};

const writeBytesMax = 65_536; // a slow client must take so much for its stall to be over
const historyWaitMsMax = 30_000; // a stream that does not tail waits no longer for the log

/** Serves streams and ends them all. */
export class Tails {
  readonly #options: TailsOptions;
  readonly #open = new Set<OpenTail>();
  readonly #stalls: Stalls;
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

  /** Throws when `channel` may have no further stream. */
  admit(channel: ChannelId): void {
    const { tailsMax, tailsPerAppMax } = this.#options;
    if (this.#isClosed) throw tailsStopping();
    if ((this.#perApp.get(channel) ?? 0) >= tailsPerAppMax) throw appTailsFull(tailsPerAppMax);
    if (this.#open.size >= tailsMax) throw tailsFull(tailsMax);
  }

  /**
   * Writes the stream to a response whose head is out, until either side is done; then the response is closed. When
   * reading fails, `failed` is told, and the client sees a broken stream; an event stream that tails ends cleanly
   * instead, as its client comes back by itself and resumes.
   */
  serve(response: ServerResponse, stream: Stream, failed: (cause: unknown) => void): Promise<void> {
    const serving = this.#serve(new OpenTail(response, stream, this.#stalls), failed).finally(() =>
      this.#serving.delete(serving),
    );
    this.#serving.add(serving);
    return serving;
  }

  /** Idempotent. Ends every stream cleanly, and cuts off those whose client does not take the end in time. */
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
        if (nowMs - tail.partAtMs > historyWaitMsMax) tail.stop();
      } else if (tail.stream.transport === "events" && nowMs - tail.wroteAtMs >= heartbeatMs * 0.9) {
        tail.beat();
      }
    }
  }
}

// One stream. Times are of the monotonic clock.
class OpenTail {
  readonly stream: Stream;
  readonly #response: ServerResponse;
  readonly #stalls: Stalls;
  readonly #stopping = new AbortController();
  #told: Position | undefined;
  #isToldToClient = true;
  #isNew = true;
  partAtMs = performance.now();
  wroteAtMs = performance.now();
  stalledAtMs: number | undefined;

  constructor(response: ServerResponse, stream: Stream, stalls: Stalls) {
    this.#response = response;
    this.#stalls = stalls;
    this.stream = stream;
    response.once("close", () => this.stop());
    response.on("error", () => this.stop()); // a write that raced with the client's leaving
    if (response.destroyed) this.stop(); // left while the session was opened
    stream.over.addEventListener("abort", () => this.#revoke(), { once: true });
    if (stream.over.aborted) this.#revoke();
    response.socket?.setKeepAlive(true, 60_000);
  }

  get socket(): Socket | null {
    return this.#response.socket;
  }

  async run(): Promise<void> {
    const { signal } = this.#stopping;
    for await (const part of this.stream.read(signal)) {
      if (signal.aborted) return;
      await this.#send(part);
    }
  }

  // A part is sent whole unless the client goes: an event that is not closed is lost to it.
  async #send({ bytes, count, position }: TailPart): Promise<void> {
    const response = this.#response;
    this.partAtMs = performance.now();
    if (position !== undefined) {
      this.#told = position;
      this.#isToldToClient = count > 0;
    }
    for (let at = 0; at < bytes.length && !response.destroyed; at += writeBytesMax) {
      const isAll = bytes.length <= writeBytesMax;
      if (!response.write(isAll ? bytes : bytes.subarray(at, at + writeBytesMax))) await this.#drained(bytes);
      this.wroteAtMs = performance.now();
    }
    if (count > 0) tailLines.inc({ transport: this.stream.transport }, count);
    if (position === undefined || !this.#isNew) return;
    this.#isNew = false;
    if (count === 0 && this.stream.tail && this.stream.transport === "events") this.beat(); // resumable from the start
  }

  /**
   * A comment, so that nobody on the way takes the stream for dead. Where lines went by that the filter did not keep,
   * the new place goes with it: a block of an id alone dispatches no event, and the client resumes from there.
   */
  beat(): void {
    const id = this.#isToldToClient ? "" : `id: ${this.#told}\n`;
    this.#isToldToClient = true;
    this.#response.write(`: ping\n${id}\n`);
    this.wroteAtMs = performance.now();
  }

  /** Reads no further; what was begun is sent. */
  stop(): void {
    this.#stopping.abort();
  }

  /** Ends at once, whatever is under way. */
  cut(): void {
    this.#response.destroy();
    this.#stalls.end(this);
  }

  // Tells nothing more, and does not keep what a slow client has not taken yet.
  #revoke(): void {
    this.stop();
    if (this.stalledAtMs !== undefined) this.cut();
  }

  /** Resolves when the client has the end of the stream, or is gone. */
  end(): Promise<void> {
    return new Promise((resolve) => {
      const response = this.#response;
      if (response.destroyed || response.closed) return resolve();
      response.once("close", resolve);
      response.once("finish", resolve);
      this.stalledAtMs = performance.now();
      response.end();
    });
  }

  #drained(part: Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      const response = this.#response;
      if (!response.writableNeedDrain) return resolve();
      this.stalledAtMs = performance.now();
      const done = () => {
        this.stalledAtMs = undefined;
        this.#stalls.end(this);
        response.off("drain", done);
        response.off("close", done);
        resolve();
      };
      response.on("drain", done);
      response.on("close", done);
      this.#stalls.begin(this, part);
    });
  }
}
