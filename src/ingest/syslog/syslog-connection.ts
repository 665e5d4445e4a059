import type { Socket } from "node:net";
import { stepFrames } from "../../core/batch/canonical.ts";
import { droppedConnections, malformedFrames, unknownTokenFrames } from "../../metrics.ts";
import { Burst } from "../connections/burst.ts";
import type { Bursts } from "../connections/bursts.ts";
import { SenderPace } from "../connections/sender-pace.ts";
import { readShared } from "../connections/shared-reads.ts";
import type { Closing } from "../connections/stream-listener.ts";
import type { FrameRouter, Sorting } from "../routing/router.ts";
import { sampleOf } from "../senders/fault-sample.ts";
import type { SenderFaults } from "../senders/sender-faults.ts";
import { FrameBuffer } from "./frame-buffer.ts";
import type { SyslogOptions } from "./syslog.ts";
import type { SyslogWriter } from "./syslog-writer.ts";
import type { UnfinishedFrames } from "./unfinished-frames.ts";

/** A read of this much or more takes time of the turn, also when it is one frame: memory for that is the larger part. */
const smallReadBytes = 4 * 1024;

/** Shared by all connections of a listener. */
export type SyslogParts = {
  readonly router: FrameRouter;
  readonly unfinished: UnfinishedFrames;
  readonly bursts: Bursts;
  readonly faults: Pick<SenderFaults, "note">;
  readonly options: Omit<SyslogOptions, "host" | "port" | "queues">;
  /** The token for frames that name none. */
  readonly fallbackOf: (socket: Socket) => string | undefined;
  /** Reports frames that came, and how they were delimited. */
  readonly heard: (
    address: string | undefined,
    framing: FrameBuffer["framing"] | "relp",
    frames: number,
  ) => void;
};

/**
 * One sender: its bytes are cut into frames, and frames become lines of their channels. Bytes are handled in the turn
 * of the event loop in which they arrive; while something has to be waited for, the socket is not read.
 */
export class SyslogConnection {
  /** Identifies the sender for the bounds of addresses. */
  readonly address: string | undefined;
  readonly #socket: Socket;
  readonly #parts: SyslogParts;
  readonly #writer: SyslogWriter;
  readonly #frames: FrameBuffer;
  readonly #fallback: string | undefined;
  readonly #pace = new SenderPace();
  readonly #burst: Burst;
  /** True when it is read into the memory that all connections share. */
  #isShared = false;
  #isClosing = false;
  #isStopped = false;
  #isOver = false;
  /** True when the sender has ended the stream. */
  #hasEnded = false;
  #end: () => void = () => {};
  readonly #ended = new Promise<void>((resolve) => {
    this.#end = resolve;
  });

  constructor(socket: Socket, parts: SyslogParts, writer: SyslogWriter) {
    this.#socket = socket;
    this.#parts = parts;
    this.#writer = writer;
    this.address = socket.remoteAddress;
    this.#burst = new Burst(parts.bursts, this.address ?? "");
    this.#frames = new FrameBuffer(parts.options.frameBytesMax);
    this.#fallback = parts.fallbackOf(socket);
  }

  /** True once a frame with a known token has come. */
  get isKnown(): boolean {
    return this.#pace.isKnown;
  }

  /** Resolves when the connection is closed and its last line is durable, or given up after `stop`. Never rejects. */
  async run(): Promise<void> {
    const socket = this.#socket;
    socket.on("error", () => {}); // `close` follows
    socket.setTimeout(this.#parts.options.connectionIdleMs, () => this.#onIdle());
    socket.on("end", () => {
      this.#hasEnded = true;
      this.#goOn();
    });
    socket.on("close", () => this.#goOn());
    this.#isShared = readShared(socket, (bytes, isFull) => this.#onRead(bytes, isFull));
    if (!this.#isShared) socket.on("data", (chunk: Buffer) => this.#onData(chunk));
    await this.#ended;
    this.#parts.unfinished.set(this, 0, false);
    this.#frames.drop();
    socket.destroy();
    await this.#writer.settled();
  }

  /** Handles what has arrived, and then reads no more. */
  stop(): void {
    this.#isStopped = true;
    this.#writer.stop();
    this.#goOn();
  }

  /**
   * Closes the connection at a bound; this is counted, and reported in the server's log. What was read before is
   * stored.
   */
  close(reason: Closing, sample?: () => string): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    droppedConnections.inc({ reason });
    if (reason !== "idle") this.#parts.faults.note(this.address, reason, 1, sample);
    this.#socket.destroy();
    this.#goOn();
  }

  /** Closes the sender if it is too slow. Call this regularly. */
  checkPace(): void {
    const overrun = this.#pace.overrun(this.#parts.options);
    if (overrun !== undefined) this.close(overrun);
  }

  #onData(chunk: Buffer): void {
    if (this.#isOver) return;
    try {
      const wait = this.#take(chunk);
      if (wait === undefined) return;
      this.#socket.pause();
      this.#wait(wait);
    } catch (error) {
      this.#failed(error);
    }
  }

  // Returns false to pause reading until the socket is resumed.
  #onRead(bytes: Buffer, isFull: boolean): boolean {
    if (this.#isOver) return false;
    try {
      const pending = this.#take(bytes);
      const { length } = bytes;
      const wait =
        pending === undefined
          ? this.#burst.took(length, isFull)
          : pending.then(() => this.#burst.took(length, isFull));
      if (wait === undefined) return true;
      this.#wait(wait);
    } catch (error) {
      this.#failed(error);
    }
    return false;
  }

  // Continues when there is nothing to wait for, with what has arrived in the meantime, or finishes.
  #goOn(): void {
    if (this.#pace.isPaused || this.#isOver) return;
    const { readableEnded, destroyed } = this.#socket;
    if (!this.#isStopped && !this.#hasEnded && !readableEnded && !destroyed) {
      this.#socket.resume();
      return;
    }
    // Reading emits the bytes that have arrived to the usual listener.
    if (!destroyed && this.#socket.read() !== null) {
      this.#goOn();
      return;
    }
    this.#isOver = true;
    const isCut = this.#frames.isUnfinished && !this.#isClosing && (!this.#isStopped || this.#hasEnded);
    if (!isCut) this.#end();
    else this.#finish().then(this.#end, (error: unknown) => this.#failed(error));
  }

  // The socket is not read until `pending` has settled.
  #wait(pending: Promise<unknown>): void {
    this.#pace.pause();
    const done = () => {
      this.#pace.resume();
      this.#goOn();
    };
    pending.then(done, (error: unknown) => {
      this.#failed(error);
      done();
    });
  }

  #failed(error: unknown): void {
    this.#parts.options.logger.error({ err: error }, "a syslog connection failed and was closed");
    this.#isOver = true;
    this.#end();
  }

  // Hands the whole frames of a chunk to their channels. Returns a promise if there is something to wait for before
  // reading on.
  #take(chunk: Buffer): Promise<unknown> | undefined {
    const wasUnfinished = this.#frames.isUnfinished;
    const { router, options } = this.#parts;
    const sorting = router.sort(options.clock.nowMs(), this.#fallback, this.#writer);
    if (chunk.length >= smallReadBytes) this.#parts.bursts.began();
    this.#frames.push(chunk);
    return this.#sort(sorting, 0, !wasUnfinished);
  }

  // Sorts the remaining frames of a read, of which `before` were sorted already.
  #sort(sorting: Sorting, before: number, isNew: boolean): Promise<unknown> | undefined {
    const frames = this.#frames;
    const { bursts } = this.#parts;
    let next = frames.next();
    let count = before;
    this.#writer.begin();
    for (; next === "frame"; next = frames.next()) {
      const isPlaced = this.#writer.placePlain(frames.bytes, frames.start, frames.end);
      if (isPlaced) sorting.placed++;
      const asking = isPlaced ? undefined : sorting.add(frames.bytes, frames.start, frames.end);
      count++;
      const isOver = asking === undefined && count % stepFrames === 0 && bursts.isLate;
      if (asking === undefined && !isOver) continue;
      if (this.#isShared && before === 0) frames.own();
      bursts.took();
      const waited = asking === undefined ? bursts.next(this.address ?? "") : this.#ask(sorting, asking);
      return this.#sortLater(waited, sorting, count, isNew);
    }
    bursts.took();
    const { bytes, start, end } = frames;
    if (count > 0) this.#parts.heard(this.address, frames.framing, count);
    this.#handOver(sorting, count > 0 || isNew);
    if (next === "foreign") this.close(frames.foreign, () => sampleOf(bytes, start, end));
    else if (next === "too_long") this.close("frame_too_long");
    return this.#writer.untilRoom();
  }

  async #sortLater(waited: Promise<void>, sorting: Sorting, count: number, isNew: boolean): Promise<unknown> {
    await waited;
    // A promise that was resolved already is no pause: without this, a read of unknown tokens and the one after it
    // would all run in the same turn.
    const { bursts } = this.#parts;
    if (bursts.isOver) await bursts.next(this.address ?? "");
    bursts.began();
    return this.#sort(sorting, count, isNew);
  }

  // The stream has ended: a last line without a newline still counts, and a counted frame is incomplete.
  async #finish(): Promise<void> {
    const frames = this.#frames;
    if (!this.#hasEnded || !frames.finish()) {
      this.#noteUnfinished();
      return;
    }
    const sorting = this.#parts.router.sort(this.#parts.options.clock.nowMs(), this.#fallback, this.#writer);
    const asking = sorting.add(frames.bytes, frames.start, frames.end);
    if (asking !== undefined) await this.#ask(sorting, asking);
    this.#parts.heard(this.address, frames.framing, 1);
    this.#handOver(sorting, true);
  }

  #handOver(sorting: Sorting, isNew: boolean): void {
    this.#pace.brought(sorting.placed);
    this.#reportFaults(sorting);
    this.#holdUnfinished(isNew);
    this.#frames.release();
    this.#writer.rest();
  }

  #holdUnfinished(isNew: boolean): void {
    const { isUnfinished, unfinishedBytes } = this.#frames;
    this.#pace.took(isUnfinished, isNew);
    this.#parts.unfinished.set(this, unfinishedBytes, isNew);
  }

  #reportFaults({ faults: found }: Sorting): void {
    if (found.isEmpty) return;
    malformedFrames.inc({ via: "syslog" }, found.count("no_token"));
    unknownTokenFrames.inc({ via: "syslog" }, found.count("unknown_token"));
    found.tellTo(this.#parts.faults, this.address);
  }

  #noteUnfinished(): void {
    malformedFrames.inc({ via: "syslog" });
    this.#parts.faults.note(this.address, "unfinished");
  }

  // Asks the registry until it answers, or until the server stops.
  async #ask(sorting: Sorting, asking: Promise<void>): Promise<void> {
    const { bytes, start, end } = this.#frames;
    let first: Promise<void> | undefined = asking;
    await this.#writer.insist(1, async () => {
      const found = first ?? sorting.add(bytes, start, end);
      first = undefined;
      await found;
    });
  }

  // Silence while we do not read is our own doing.
  #onIdle(): void {
    if (!this.#pace.isPaused) this.close("idle");
    else this.#socket.setTimeout(this.#parts.options.connectionIdleMs);
  }
}
