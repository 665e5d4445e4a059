import type { Socket } from "node:net";
import type { CanonicalLines } from "../core/batch.ts";
import type { ChannelId } from "../core/ids.ts";
import { splitLines } from "../core/lines.ts";
import { type RetryPolicy, retryDelayMs } from "../core/retry.ts";
import { droppedConnections, malformedFrames, syslogLostLines, unknownTokenFrames } from "../metrics.ts";
import { FrameBuffer } from "./frame-buffer.ts";
import { type FrameRouter, joinLines, type Sorting } from "./router.ts";
import type { SyslogOptions } from "./syslog.ts";

const appendRetry: RetryPolicy = {
  delayMsMin: 20,
  delayMsMax: 2_000,
  factor: 2,
  attemptsMax: Number.POSITIVE_INFINITY,
  jitter: 0.2,
};

/**
 * One sender. Reads only while its unwritten lines are within their bound; for each channel one append is in flight,
 * so that a refused one is tried again before anything that came after it.
 */
export class SyslogConnection {
  readonly #socket: Socket;
  readonly #router: FrameRouter;
  readonly #options: Omit<SyslogOptions, "host" | "port">;
  readonly #frames: FrameBuffer;
  readonly #stop = new AbortController();
  /** Lines that wait for the append of their channel that is in flight. */
  readonly #waiting = new Map<ChannelId, CanonicalLines[]>();
  #unwrittenBytes = 0;
  #reading = false;
  #wake: () => void = () => {};

  constructor(socket: Socket, router: FrameRouter, options: Omit<SyslogOptions, "host" | "port">) {
    this.#socket = socket;
    this.#router = router;
    this.#options = options;
    this.#frames = new FrameBuffer(options.frameBytesMax);
  }

  /** Resolves when the connection is closed and its last line is durable, or given up after `stop`. Never rejects. */
  async run(): Promise<void> {
    const socket = this.#socket;
    for (const event of ["readable", "end", "close"]) socket.on(event, () => this.#wake());
    socket.on("error", () => {}); // `close` follows
    socket.setTimeout(this.#options.connectionIdleMs, () => this.#onIdle());
    try {
      await this.#read();
    } catch (error) {
      this.#options.logger.error({ err: error }, "a syslog connection failed and was closed");
    }
    socket.destroy();
    while (this.#waiting.size > 0) await this.#woken();
  }

  /** Takes what has arrived and then no more; a log that refuses lines is asked once more. */
  stop(): void {
    this.#stop.abort();
    this.#wake();
  }

  async #read(): Promise<void> {
    const socket = this.#socket;
    for (let last = false; !last; ) {
      last = this.#stop.signal.aborted;
      const chunk = socket.read() as Buffer | null;
      if (chunk !== null) {
        const goesOn = await this.#take(chunk);
        if (!goesOn) return;
        while (this.#unwrittenBytes > this.#options.connectionBytesMax) await this.#woken();
      } else if (socket.readableEnded || socket.destroyed) {
        if (this.#frames.isUnfinished) malformedFrames.inc({ via: "syslog" });
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
    const sorting = this.#router.sort(this.#options.clock.nowMs());
    frames.push(chunk);
    let next = frames.next();
    for (; next === "frame"; next = frames.next()) {
      const asking = sorting.add(frames.bytes, frames.start, frames.end);
      if (asking !== undefined) await this.#ask(sorting, asking);
    }
    malformedFrames.inc({ via: "syslog" }, frames.malformed + sorting.malformed);
    frames.malformed = 0;
    unknownTokenFrames.inc({ via: "syslog" }, sorting.unknown);
    for (const [channel, stretches] of sorting.take()) this.#append(channel, stretches);
    if (next === "more") return true;
    droppedConnections.inc({ reason: "frame_too_long" });
    const { remoteAddress } = this.#socket;
    const { logger, frameBytesMax } = this.#options;
    logger.warn({ remoteAddress, frameBytesMax }, "a syslog connection was closed: a frame is too long");
    return false;
  }

  async #ask(sorting: Sorting, asking: Promise<void>): Promise<void> {
    const { bytes, start, end } = this.#frames;
    let first: Promise<void> | undefined = asking;
    await this.#insist(1, async () => {
      const found = first ?? sorting.add(bytes, start, end);
      first = undefined;
      await found;
    });
  }

  #append(channel: ChannelId, stretches: readonly CanonicalLines[]): void {
    for (const lines of stretches) this.#unwrittenBytes += lines.bytes.length;
    const waiting = this.#waiting.get(channel);
    if (waiting !== undefined) {
      waiting.push(...stretches);
      return;
    }
    const queue = [...stretches];
    this.#waiting.set(channel, queue);
    void this.#write(channel, queue);
  }

  async #write(channel: ChannelId, queue: CanonicalLines[]): Promise<void> {
    const { lanes, batchBytesMax } = this.#options;
    while (queue.length > 0) {
      const stretches = queue.splice(0);
      // A batch at a time: what is tried again is whole, so nothing is stored twice.
      for (const batch of splitLines(joinLines(stretches), batchBytesMax)) {
        await this.#insist(batch.count, () => lanes.append(channel, batch, "syslog"));
      }
      for (const stretch of stretches) this.#unwrittenBytes -= stretch.bytes.length;
      this.#wake();
    }
    this.#waiting.delete(channel);
    this.#wake();
  }

  // TCP has no answer to give: tries until it works. After `stop` once more, then `lines` are counted as lost.
  async #insist(lines: number, attempt: () => Promise<unknown>): Promise<void> {
    const { clock, logger } = this.#options;
    for (let failures = 0; ; failures++) {
      const last = this.#stop.signal.aborted;
      try {
        await attempt();
        return;
      } catch (error) {
        if (failures === 0)
          logger.warn({ err: error, lines }, "lines of a syslog connection wait for the log");
        if (last) {
          syslogLostLines.inc(lines);
          logger.error(
            { err: error, lines },
            "lines of a syslog connection are lost: the log did not take them",
          );
          return;
        }
        await clock.sleep(retryDelayMs(appendRetry, failures, Math.random()) ?? 0, this.#stop.signal);
      }
    }
  }

  // One waits at a time: the loop that reads, and after it the end of `run`.
  #woken(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  // Inactivity while we do not read is our own doing.
  #onIdle(): void {
    if (!this.#reading) {
      this.#socket.setTimeout(this.#options.connectionIdleMs);
      return;
    }
    droppedConnections.inc({ reason: "idle" });
    this.#socket.destroy();
  }
}
