import type { Socket } from "node:net";
import type { Logger } from "pino";
import { stepFrames } from "../../core/batch/canonise-body.ts";
import { droppedConnections, malformedFrames, unknownTokenFrames } from "../../metrics.ts";
import type { Clock } from "../../ports.ts";
import { readLittleAhead } from "../../sockets/socket-reads.ts";
import type { FrameRouter, Sorting } from "../routing/router.ts";
import type { SenderFaults } from "../senders/sender-faults.ts";
import { Burst } from "./burst.ts";
import type { Bursts } from "./bursts.ts";
import type { FrameBytes, NextFrame } from "./frame-bytes.ts";
import { SenderPace } from "./sender-pace.ts";
import { readShared } from "./shared-reads.ts";
import type { Closing, StreamConnection } from "./stream-listener.ts";
import type { UnfinishedFrames } from "./unfinished-frames.ts";

/** A read of this much or more takes time of the turn, also when it is one frame: memory for that is the larger part. */
const smallReadBytes = 4 * 1024;

type ConnectionOptions = {
  readonly logger: Pick<Logger, "error">;
  readonly clock: Clock;
  readonly frameBytesMax: number;
  readonly firstTokenMs: number;
  readonly frameMsMax: number;
  readonly connectionIdleMs: number;
};

/** Shared by all connections of a listener. */
export type ConnectionParts<Options extends ConnectionOptions> = {
  readonly router: FrameRouter;
  readonly unfinished: UnfinishedFrames;
  readonly bursts: Bursts;
  readonly faults: Pick<SenderFaults, "note">;
  readonly options: Options;
  /** The token for frames that name none. */
  readonly fallbackOf: (socket: Socket) => string | undefined;
  /** Reports frames that came, and how they were delimited. */
  readonly heard: (address: string | undefined, framing: FrameBytes["framing"], frames: number) => void;
};

/**
 * One sender, whichever protocol it speaks: its bytes are cut into frames, which the protocol places. Bytes are handled
 * in the turn of the event loop in which they arrive; while something has to be waited for, the socket is not read.
 */
export abstract class FrameConnection<Frames extends FrameBytes, Options extends ConnectionOptions>
  implements StreamConnection
{
  /** Identifies the sender for the bounds of addresses. */
  readonly address: string | undefined;
  protected readonly socket: Socket;
  protected readonly parts: ConnectionParts<Options>;
  protected readonly frames: Frames;
  /** The token for frames that name none. */
  protected readonly fallback: string | undefined;
  protected readonly pace = new SenderPace();
  readonly #burst: Burst;
  /** True when it is read into the memory that all connections share. */
  #isShared = false;
  /** Bytes that came in chunks in a turn of the event loop. */
  #turnBytes = 0;
  #turnOfBytes = 0;
  #isRestDue = false;
  #isClosing = false;
  #isStopped = false;
  #isOver = false;
  /** True when the sender has ended the stream. */
  #hasEnded = false;
  #end: () => void = () => {};
  readonly #ended = new Promise<void>((resolve) => {
    this.#end = resolve;
  });

  constructor(socket: Socket, parts: ConnectionParts<Options>, frames: Frames) {
    this.socket = socket;
    this.parts = parts;
    this.frames = frames;
    this.address = socket.remoteAddress;
    this.#burst = new Burst(parts.bursts);
    this.fallback = parts.fallbackOf(socket);
  }

  /** True once a frame with a known token has come. */
  get isKnown(): boolean {
    return this.pace.isKnown;
  }

  /** Resolves when the connection is closed and its last line is durable, or given up after `stop`. Never rejects. */
  async run(): Promise<void> {
    const { socket } = this;
    socket.on("error", () => {}); // `close` follows
    socket.setTimeout(this.parts.options.connectionIdleMs, () => this.#onIdle());
    socket.on("end", () => {
      this.#hasEnded = true;
      this.#goOn();
    });
    socket.on("close", () => this.#goOn());
    this.#isShared = readShared(socket, (bytes, isFull) => this.#onRead(bytes, isFull));
    if (!this.#isShared) {
      readLittleAhead(socket);
      socket.on("data", (chunk: Buffer) => this.#onData(chunk));
    }
    await this.#ended;
    await this.finish(this.#hasEnded).catch((error: unknown) => this.#failed(error));
    this.parts.unfinished.set(this, 0, false);
    this.frames.drop();
    await this.leave();
  }

  /** Handles what has arrived, and then reads no more. */
  stop(): void {
    this.#isStopped = true;
    this.#goOn();
  }

  /**
   * Closes the connection at a bound; this is counted, and reported in the server's log. What was read before is
   * stored.
   */
  close(reason: Closing, sample?: () => string): void {
    if (this.#isClosing) return;
    this.tell(reason, sample);
    this.socket.destroy();
    this.#goOn();
  }

  /** Closes the sender if it is too slow. Call this regularly. */
  checkPace(): void {
    const overrun = this.pace.overrun(this.parts.options);
    if (overrun !== undefined) this.close(overrun);
  }

  /** Called before frames of a read are placed, and again after each wait between them. */
  protected abstract begin(): void;
  /** Takes frames that are next, as far as that needs no look at each; returns their number. */
  protected placePlain(): number {
    return 0;
  }

  /** Takes the frame that was found. Returns a promise if there is something to wait for before the next one. */
  protected abstract place(): Promise<unknown> | undefined;
  /** The frames of a read are placed. */
  protected abstract placed(): void;
  /** There will be no more frames. */
  protected abstract flawed(flaw: Exclude<NextFrame, "frame" | "more">): void;
  /** Nothing more is read. `hasEnded`: the sender has ended the stream. */
  protected abstract finish(hasEnded: boolean): Promise<void>;
  /** Closes the connection, and waits for its lines. */
  protected abstract leave(): Promise<void>;

  /** Returns a promise if there is something to wait for after a read. */
  protected untilRoom(): Promise<unknown> | undefined {
    return undefined;
  }

  /** True when there is something to do before others have their turn, or when all that has arrived was read. */
  protected get hasRest(): boolean {
    return false;
  }

  /** True when it has to be done before more is read. */
  protected get mustRest(): boolean {
    return false;
  }

  /** Does it. */
  protected rest(): Promise<unknown> | undefined {
    return undefined;
  }

  /** Tries to sort the frame that was found, until the registry answers; `asking`: the first try. */
  protected triesOf(sorting: Sorting, asking: Promise<void>): () => Promise<void> {
    let first: Promise<void> | undefined = asking;
    return async () => {
      const { bytes, start, end } = this.frames;
      const found = first ?? sorting.add(bytes, start, end);
      first = undefined;
      await found;
    };
  }

  protected report({ faults: found }: Sorting, via: "syslog" | "relp"): void {
    if (found.isEmpty) return;
    malformedFrames.inc({ via }, found.count("no_token"));
    unknownTokenFrames.inc({ via }, found.count("unknown_token"));
    found.tellTo(this.parts.faults, this.address);
  }

  /** True when the stream ended, or broke, within a frame; not when this side has closed it. */
  protected get isCut(): boolean {
    return this.frames.isUnfinished && !this.#isClosing && (!this.#isStopped || this.#hasEnded);
  }

  /** The same as `close` without closing. */
  protected tell(reason: Closing, sample?: () => string): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    droppedConnections.inc({ reason });
    if (reason !== "idle") this.parts.faults.note(this.address, reason, 1, sample);
  }

  /** No more frames are placed. */
  protected over(): void {
    this.#isOver = true;
    this.#end();
  }

  #onData(chunk: Buffer): void {
    if (this.#isOver) return;
    try {
      const { length } = chunk;
      const hasMore = this.#hasMore(length);
      const pending = this.#take(chunk);
      const next = () => this.#tookChunk(length, hasMore);
      this.#pause(pending === undefined ? next() : pending.then(next));
    } catch (error) {
      this.#failed(error);
    }
  }

  // A read of TLS comes in chunks, its records, of which none says that it is the last.
  #hasMore(bytes: number): boolean {
    const { turn } = this.parts.bursts;
    this.#turnBytes = this.#turnOfBytes === turn ? this.#turnBytes + bytes : bytes;
    this.#turnOfBytes = turn;
    return this.#turnBytes >= smallReadBytes;
  }

  #tookChunk(bytes: number, hasMore: boolean): Promise<unknown> | undefined {
    const isYielding = this.#burst.took(bytes, hasMore, this.mustRest);
    if (isYielding) return this.#restAndTurn();
    return this.mustRest ? this.rest() : this.#restSoon();
  }

  // Rests when all that has arrived in this turn was taken.
  #restSoon(): undefined {
    if (this.#isRestDue || !this.hasRest) return;
    this.#isRestDue = true;
    setImmediate(() => {
      this.#isRestDue = false;
      if (!this.pace.isPaused && !this.#isOver) this.#pause(this.rest());
    });
  }

  #pause(wait: Promise<unknown> | undefined): void {
    if (wait === undefined) return;
    this.socket.pause();
    this.#wait(wait);
  }

  // Returns false to pause reading until the socket is resumed.
  #onRead(bytes: Buffer, isFull: boolean): boolean {
    if (this.#isOver) return this.#drop(bytes.length, isFull);
    try {
      const pending = this.#take(bytes);
      const { length } = bytes;
      const wait =
        pending === undefined ? this.#took(length, isFull) : pending.then(() => this.#took(length, isFull));
      if (wait === undefined) return true;
      this.#wait(wait);
    } catch (error) {
      this.#failed(error);
    }
    return false;
  }

  // A sender that still sends must not hold up its last answers, nor others: it is read in turns, too.
  #drop(bytes: number, isFull: boolean): boolean {
    if (!this.socket.writableEnded) return false;
    if (!this.#burst.took(bytes, isFull, true)) return true;
    void this.#turn().then(() => this.socket.resume());
    return false;
  }

  #took(bytes: number, isFull: boolean): Promise<unknown> | undefined {
    const isYielding = this.#burst.took(bytes, isFull, this.mustRest);
    if (isFull && !isYielding) return undefined;
    return isYielding ? this.#restAndTurn() : this.rest();
  }

  #restAndTurn(): Promise<unknown> {
    const rested = this.rest();
    return rested === undefined ? this.#turn() : rested.then(() => this.#turn());
  }

  #turn(): Promise<void> {
    return this.parts.bursts.next(this.address ?? "");
  }

  // Continues when there is nothing to wait for, with what has arrived in the meantime, or finishes.
  #goOn(): void {
    if (this.pace.isPaused || this.#isOver) return;
    const { readableEnded, destroyed } = this.socket;
    if (!this.#isStopped && !this.#hasEnded && !readableEnded && !destroyed) {
      this.socket.resume();
      return;
    }
    // Reading emits the bytes that have arrived to the usual listener.
    if (!destroyed && this.socket.read() !== null) this.#goOn();
    else this.over();
  }

  // The socket is not read until `pending` has settled.
  #wait(pending: Promise<unknown>): void {
    this.pace.pause();
    const done = () => {
      this.pace.resume();
      this.#goOn();
    };
    pending.then(done, (error: unknown) => {
      this.#failed(error);
      done();
    });
  }

  #failed(error: unknown): void {
    this.parts.options.logger.error({ err: error }, "a connection of a sender failed and was closed");
    this.#isClosing = true;
    this.over();
  }

  // Places the whole frames of a chunk. Returns a promise if there is something to wait for before reading on.
  #take(chunk: Buffer): Promise<unknown> | undefined {
    const wasUnfinished = this.frames.isUnfinished;
    if (!this.#isShared) this.parts.bursts.began(chunk.length);
    else if (chunk.length >= smallReadBytes) this.parts.bursts.began();
    this.frames.push(chunk);
    return this.#place(0, !wasUnfinished);
  }

  // Places the remaining frames of a read, of which `before` were placed already.
  #place(before: number, isNew: boolean): Promise<unknown> | undefined {
    const { frames } = this;
    const { bursts } = this.parts;
    let count = before;
    let lookAt = before + stepFrames;
    let next: NextFrame;
    this.begin();
    for (;;) {
      count += this.placePlain();
      next = this.#isOver ? "more" : frames.next();
      if (next !== "frame") break;
      const waited = this.place();
      count++;
      const isLate = waited === undefined && count >= lookAt && bursts.isLate;
      if (count >= lookAt) lookAt = count + stepFrames;
      if (waited === undefined && !isLate) continue;
      if (this.#isShared && before === 0) frames.own();
      bursts.took();
      return this.#placeLater(waited ?? this.#turn(), count, isNew);
    }
    bursts.took();
    if (count > 0) this.parts.heard(this.address, frames.framing, count);
    this.placed();
    this.#holdUnfinished(count > 0 || isNew);
    if (next !== "more") this.flawed(next);
    frames.release();
    return this.untilRoom();
  }

  async #placeLater(waited: Promise<unknown>, count: number, isNew: boolean): Promise<unknown> {
    await waited;
    if (this.#isOver) return undefined;
    // A promise that was resolved already is no pause: without this, a read of unknown tokens and the one after it
    // would all run in the same turn.
    const { bursts } = this.parts;
    if (bursts.isOver) await this.#turn();
    bursts.began();
    return this.#place(count, isNew);
  }

  #holdUnfinished(isNew: boolean): void {
    const { isUnfinished, unfinishedBytes } = this.frames;
    this.pace.took(isUnfinished, isNew);
    this.parts.unfinished.set(this, unfinishedBytes, isNew);
  }

  // Silence while we do not read is our own doing.
  #onIdle(): void {
    if (!this.pace.isPaused) this.close("idle");
    else this.socket.setTimeout(this.parts.options.connectionIdleMs);
  }
}
