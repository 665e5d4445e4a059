import type { StagedLines } from "../../core/batch/line-code.ts";
import { plainLines } from "../../core/batch/plain-lines.ts";
import type { ChannelId } from "../../core/ids.ts";
import { type RetryPolicy, retryDelayMs } from "../../core/scheduling/retry.ts";
import type { SyslogHeader } from "../../core/wire/syslog.ts";
import { syslogLostLines } from "../../metrics.ts";
import type { TokenRecord } from "../../registry/records.ts";
import type { Sender } from "../queues/open-batch.ts";
import type { LineTarget } from "../routing/router.ts";
import type { SyslogOptions } from "./syslog.ts";

const askRetry: RetryPolicy = {
  delayMsMin: 20,
  delayMsMax: 2_000,
  factor: 2,
  attemptsMax: Number.POSITIVE_INFINITY,
  jitter: 0.2,
};

/** Writes the lines of one connection into the streams of their channels. */
export class SyslogWriter implements LineTarget, Sender {
  readonly #options: Omit<SyslogOptions, "host" | "port">;
  readonly #stop = new AbortController();
  #bytes = 0;
  #wake: (() => void) | undefined;

  constructor(options: Omit<SyslogOptions, "host" | "port">) {
    this.#options = options;
  }

  /** Adds a line after all others of its channel. */
  place(record: TokenRecord, source: string, bytes: Uint8Array, header: SyslogHeader, nowMs: number): void {
    const stream = this.#options.queues.stream(record.channel);
    this.#bytes += stream.add(this, record, source, bytes, header, nowMs);
  }

  /** The frames that the last `placePlain` has added. */
  get plainFrames(): number {
    return plainLines.framesTaken;
  }

  /** Adds the plain frames at `at` whose tokens are known, and returns the place after the last one. */
  placePlain(bytes: Uint8Array, at: number): number {
    return plainLines.take(bytes, at, this.#options.frameBytesMax, this.#place);
  }

  /** The same for the frame [start, end), in whichever turn of the event loop; false if it has to take the general path. */
  placeOne(bytes: Uint8Array, start: number, end: number): boolean {
    this.begin();
    return plainLines.takeOne(bytes, start, end, this.#place);
  }

  readonly #place = (channel: ChannelId, lines: StagedLines): void => {
    this.#bytes += this.#options.queues.stream(channel).addLines(this, lines);
  };

  knows(name: Uint8Array, record: TokenRecord): void {
    const { queues, tokens } = this.#options;
    const origin = queues.stream(record.channel).originOf(record, record.source);
    plainLines.know(tokens, name, record.channel, origin);
  }

  /** Call at the beginning of a read or of a turn of the event loop. */
  begin(): void {
    const { tokens } = this.#options;
    plainLines.begin(tokens, tokens.version);
  }

  /** Memory of lines that were not stored yet. */
  get bytes(): number {
    return this.#bytes;
  }

  settle(bytes: number): void {
    this.#bytes -= bytes;
    if (this.#wake !== undefined && this.#hasRoom) this.#wake();
  }

  /**
   * Undefined when more may be read. Otherwise resolves when that is so: when this connection's lines are within
   * their bound, and there is memory for all connections. A connection that holds none of that memory may always
   * read, so that each makes progress.
   */
  untilRoom(): Promise<void> | undefined {
    return this.#hasRoom ? undefined : this.#woken();
  }

  /** Resolves when every line is durable, or given up after the queues stopped retrying. */
  async settled(): Promise<void> {
    while (this.#bytes > 0) await this.#woken();
  }

  /** Call when the server stops: what fails from now on is tried once more. */
  stop(): void {
    this.#stop.abort();
    this.#options.queues.stopRetrying();
  }

  /**
   * Retries until there is an answer, since there is nobody to report a failure to over TCP. After `stop` it tries
   * once more, then counts `lines` as lost.
   */
  async insist(lines: number, attempt: () => Promise<unknown>): Promise<void> {
    const { clock, logger } = this.#options;
    for (let failures = 0; ; failures++) {
      const last = this.#stop.signal.aborted;
      try {
        await attempt();
        return;
      } catch (error) {
        if (failures === 0)
          logger.warn({ err: error, lines }, "lines of a syslog connection wait for the registry");
        if (last) {
          syslogLostLines.inc(lines);
          logger.error(
            { err: error, lines },
            "lines of a syslog connection are lost: the registry did not answer",
          );
          return;
        }
        await clock.sleep(retryDelayMs(askRetry, failures, Math.random()) ?? 0, this.#stop.signal);
      }
    }
  }

  get #hasRoom(): boolean {
    const { queues, connectionBytesMax } = this.#options;
    return this.#bytes <= connectionBytesMax && (this.#bytes === 0 || !queues.budget.isTight);
  }

  // There is only one waiter at a time: for room, and later for the end of the connection.
  #woken(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#wake = undefined;
        resolve();
      };
    });
  }
}
