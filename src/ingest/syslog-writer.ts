import type { CanonicalLines } from "../core/batch.ts";
import type { ChannelId } from "../core/ids.ts";
import { splitLines } from "../core/lines.ts";
import { type RetryPolicy, retryDelayMs } from "../core/retry.ts";
import { syslogLostLines } from "../metrics.ts";
import { joinLines } from "./router.ts";
import type { SyslogOptions } from "./syslog.ts";

const appendRetry: RetryPolicy = {
  delayMsMin: 20,
  delayMsMax: 2_000,
  factor: 2,
  attemptsMax: Number.POSITIVE_INFINITY,
  jitter: 0.2,
};

/** Bytes that all syslog connections together have read and not written yet. */
export class Unwritten {
  bytes = 0;
}

/**
 * The lines of one connection on their way to the log: for each channel one append is in flight, so that a refused one
 * is tried again before anything that came after it.
 */
export class SyslogWriter {
  readonly #options: Omit<SyslogOptions, "host" | "port">;
  readonly #unwritten: Unwritten;
  readonly #stop = new AbortController();
  /** Lines that wait for the append of their channel that is in flight. */
  readonly #waiting = new Map<ChannelId, CanonicalLines[]>();
  #bytes = 0;
  #wake: () => void = () => {};

  constructor(options: Omit<SyslogOptions, "host" | "port">, unwritten: Unwritten) {
    this.#options = options;
    this.#unwritten = unwritten;
  }

  /** Lines behind all that the channel was given before. */
  append(channel: ChannelId, stretches: readonly CanonicalLines[]): void {
    for (const lines of stretches) this.#hold(lines.bytes.length);
    const waiting = this.#waiting.get(channel);
    if (waiting !== undefined) {
      waiting.push(...stretches);
      return;
    }
    const queue = [...stretches];
    this.#waiting.set(channel, queue);
    void this.#write(channel, queue);
  }

  /**
   * Undefined when more may be read. Otherwise resolves when it may be: when this connection's lines are within their
   * bound, and all connections' together within theirs or none of them this one's, so that each of them gets on.
   */
  untilRoom(): Promise<void> | undefined {
    return this.#hasRoom ? undefined : this.#roomMade();
  }

  /** Resolves when every line is durable, or given up after `stop`. */
  async settled(): Promise<void> {
    while (this.#waiting.size > 0) await this.#woken();
  }

  /** A batch that is refused from now on is tried once more. */
  stop(): void {
    this.#stop.abort();
  }

  /** Tries until it works: TCP has no answer to give. After `stop` once more, then `lines` are counted as lost. */
  async insist(lines: number, attempt: () => Promise<unknown>): Promise<void> {
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

  get #hasRoom(): boolean {
    const { connectionBytesMax, unwrittenBytesMax } = this.#options;
    return (
      this.#bytes <= connectionBytesMax && (this.#bytes === 0 || this.#unwritten.bytes <= unwrittenBytesMax)
    );
  }

  async #roomMade(): Promise<void> {
    while (!this.#hasRoom) await this.#woken();
  }

  async #write(channel: ChannelId, queue: CanonicalLines[]): Promise<void> {
    const { lanes, batchBytesMax } = this.#options;
    while (queue.length > 0) {
      const stretches = queue.splice(0);
      // A batch at a time: what is tried again is whole, so nothing is stored twice.
      for (const batch of splitLines(joinLines(stretches), batchBytesMax)) {
        await this.insist(batch.count, () => lanes.append(channel, batch, "syslog"));
      }
      for (const stretch of stretches) this.#hold(-stretch.bytes.length);
      this.#wake();
    }
    this.#waiting.delete(channel);
    this.#wake();
  }

  #hold(bytes: number): void {
    this.#bytes += bytes;
    this.#unwritten.bytes += bytes;
  }

  // One waits at a time: the loop that reads, and after it the end of the connection.
  #woken(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
