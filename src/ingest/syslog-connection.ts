import type { Socket } from "node:net";
import { stepFrames } from "../core/canonical.ts";
import { droppedConnections, malformedFrames, unknownTokenFrames } from "../metrics.ts";
import { turns } from "../turns.ts";
import { sampleOf } from "./fault-sample.ts";
import type { ForeignProtocol } from "./foreign-protocol.ts";
import { FrameBuffer } from "./frame-buffer.ts";
import type { FrameRouter, Sorting } from "./router.ts";
import type { SenderFaults } from "./sender-faults.ts";
import type { SyslogOptions } from "./syslog.ts";
import type { SyslogWriter } from "./syslog-writer.ts";
import type { UnfinishedFrames } from "./unfinished-frames.ts";

/** Why this side closed a connection. */
export type Closing =
  | "too_many"
  | "too_many_of_address"
  | "no_token_in_time"
  | "too_slow"
  | "no_room"
  | "frame_too_long"
  | ForeignProtocol
  | "idle";

/** Shared by all connections of a listener. */
export type SyslogParts = {
  readonly router: FrameRouter;
  readonly unfinished: UnfinishedFrames;
  readonly faults: Pick<SenderFaults, "note">;
  readonly options: Omit<SyslogOptions, "host" | "port" | "lanes">;
  /** The token of frames that name none. */
  readonly fallbackOf: (socket: Socket) => string | undefined;
  /** So many frames came, told apart like this. */
  readonly heard: (
    address: string | undefined,
    framing: FrameBuffer["framing"] | "relp",
    frames: number,
  ) => void;
};

/** One sender: its bytes become frames, frames lines of their channels. Reads only while it may write. */
export class SyslogConnection {
  /** The sender, for its share. */
  readonly address: string | undefined;
  readonly #socket: Socket;
  readonly #parts: SyslogParts;
  readonly #writer: SyslogWriter;
  readonly #frames: FrameBuffer;
  readonly #fallback: string | undefined;
  readonly #stop = new AbortController();
  #isKnown = false;
  #isClosing = false;
  /** We wait for the sender; while we do not, time is not the sender's. */
  #reading = false;
  #paused = false;
  /** From when the sender has had to bring a known token, and the end of the frame that has begun. */
  #sinceMs = performance.now();
  #frameSinceMs: number | undefined;
  #wake: () => void = () => {};

  constructor(socket: Socket, parts: SyslogParts, writer: SyslogWriter) {
    this.#socket = socket;
    this.#parts = parts;
    this.#writer = writer;
    this.address = socket.remoteAddress;
    this.#frames = new FrameBuffer(parts.options.frameBytesMax);
    this.#fallback = parts.fallbackOf(socket);
  }

  /** It has brought a frame with a known token. */
  get isKnown(): boolean {
    return this.#isKnown;
  }

  /** Resolves when the connection is closed and its last line is durable, or given up after `stop`. Never rejects. */
  async run(): Promise<void> {
    const socket = this.#socket;
    for (const event of ["readable", "end", "close"]) socket.on(event, () => this.#wake());
    socket.on("error", () => {}); // `close` follows
    socket.setTimeout(this.#parts.options.connectionIdleMs, () => this.#onIdle());
    try {
      await this.#read();
    } catch (error) {
      this.#parts.options.logger.error({ err: error }, "a syslog connection failed and was closed");
    }
    this.#parts.unfinished.set(this, 0, false);
    socket.destroy();
    await this.#writer.settled();
  }

  /** Takes what has arrived and then no more; a log that refuses lines is asked once more. */
  stop(): void {
    this.#stop.abort();
    this.#writer.stop();
    this.#wake();
  }

  /** Closes it at a bound: counted, and told in the server's log. What was read before is stored. */
  close(reason: Closing, sample?: () => string): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    droppedConnections.inc({ reason });
    if (reason !== "idle") this.#parts.faults.note(this.address, reason, 1, sample);
    this.#socket.destroy();
    this.#wake();
  }

  /** To be called now and then: closes a sender that takes too long. */
  checkPace(): void {
    if (this.#paused) return;
    const nowMs = performance.now();
    const { firstTokenMs, frameMsMax } = this.#parts.options;
    const isLate = !this.#isKnown && nowMs - this.#sinceMs >= firstTokenMs;
    const isSlow = this.#frameSinceMs !== undefined && nowMs - this.#frameSinceMs >= frameMsMax;
    if (isLate) this.close("no_token_in_time");
    else if (isSlow) this.close("too_slow");
  }

  async #read(): Promise<void> {
    const socket = this.#socket;
    for (let last = false; !last; ) {
      last = this.#stop.signal.aborted;
      const chunk = socket.read() as Buffer | null;
      if (chunk !== null) {
        const goesOn = await this.#take(chunk);
        if (!goesOn) return;
        await this.#pause(this.#writer.untilRoom());
      } else if (socket.readableEnded || socket.destroyed) {
        if (this.#frames.isUnfinished && !this.#isClosing) await this.#finish();
        return;
      } else if (!last) {
        this.#reading = true;
        await this.#woken();
        this.#reading = false;
      }
    }
  }

  // Hands the whole frames of a chunk to their channels; false when the stream has come to a frame over the bound.
  async #take(chunk: Buffer): Promise<boolean> {
    const frames = this.#frames;
    const wasUnfinished = frames.isUnfinished;
    const sorting = this.#parts.router.sort(this.#parts.options.clock.nowMs(), this.#fallback);
    frames.push(chunk);
    let next = frames.next();
    let count = 0;
    for (; next === "frame"; next = frames.next()) {
      const asking = sorting.add(frames.bytes, frames.start, frames.end);
      if (asking !== undefined) await this.#pause(this.#ask(sorting, asking));
      if (++count % stepFrames === 0 && turns.isOver) await this.#pause(turns.next(this.address ?? ""));
    }
    const { bytes, start, end } = frames;
    if (count > 0) this.#parts.heard(this.address, frames.framing, count);
    this.#handOver(sorting, count > 0 || !wasUnfinished);
    if (next === "more") return true;
    if (next === "foreign") this.close(frames.foreign, () => sampleOf(bytes, start, end));
    else this.close("frame_too_long");
    return false;
  }

  // The stream has ended: a line without its newline is one all the same, a counted frame is cut off.
  async #finish(): Promise<void> {
    const frames = this.#frames;
    if (!this.#socket.readableEnded || !frames.finish()) {
      this.#noteUnfinished();
      return;
    }
    const sorting = this.#parts.router.sort(this.#parts.options.clock.nowMs(), this.#fallback);
    const asking = sorting.add(frames.bytes, frames.start, frames.end);
    if (asking !== undefined) await this.#ask(sorting, asking);
    this.#parts.heard(this.address, frames.framing, 1);
    this.#handOver(sorting, true);
  }

  #handOver(sorting: Sorting, isNew: boolean): void {
    this.#isKnown ||= sorting.placed > 0;
    this.#tell(sorting);
    this.#holdUnfinished(isNew);
    for (const [channel, stretches] of sorting.take()) this.#writer.append(channel, stretches);
    this.#frames.release();
  }

  #holdUnfinished(isNew: boolean): void {
    const { isUnfinished, unfinishedBytes } = this.#frames;
    if (!isUnfinished) this.#frameSinceMs = undefined;
    else if (isNew || this.#frameSinceMs === undefined) this.#frameSinceMs = performance.now();
    this.#parts.unfinished.set(this, unfinishedBytes, isNew);
  }

  #tell({ faults: found }: Sorting): void {
    malformedFrames.inc({ via: "syslog" }, found.count("no_token"));
    unknownTokenFrames.inc({ via: "syslog" }, found.count("unknown_token"));
    found.tellTo(this.#parts.faults, this.address);
  }

  #noteUnfinished(): void {
    malformedFrames.inc({ via: "syslog" });
    this.#parts.faults.note(this.address, "unfinished");
  }

  // The registry is asked until it answers, or until there is no more time.
  async #ask(sorting: Sorting, asking: Promise<void>): Promise<void> {
    const { bytes, start, end } = this.#frames;
    let first: Promise<void> | undefined = asking;
    await this.#writer.insist(1, async () => {
      const found = first ?? sorting.add(bytes, start, end);
      first = undefined;
      await found;
    });
  }

  // Waits for something of ours: that time is not the sender's.
  async #pause(ours: Promise<void> | undefined): Promise<void> {
    if (ours === undefined) return;
    const startMs = performance.now();
    this.#paused = true;
    try {
      await ours;
    } finally {
      this.#paused = false;
      const pausedMs = performance.now() - startMs;
      this.#sinceMs += pausedMs;
      if (this.#frameSinceMs !== undefined) this.#frameSinceMs += pausedMs;
    }
  }

  // One waits at a time: the loop that reads.
  #woken(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  // Inactivity while we do not read is our own doing.
  #onIdle(): void {
    if (this.#reading) this.close("idle");
    else this.#socket.setTimeout(this.#parts.options.connectionIdleMs);
  }
}
