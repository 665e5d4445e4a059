import { type RetryPolicy, retryDelayMs } from "../../core/scheduling/retry.ts";
import type { SyslogHeader } from "../../core/wire/syslog.ts";
import { syslogLostLines } from "../../metrics.ts";
import type { TokenRecord } from "../../registry/records.ts";
import type { Sender } from "../queues/open-batch.ts";
import type { StreamQueue } from "../queues/stream-queue.ts";
import type { LineTarget } from "../routing/router.ts";
import { ShortWay } from "./short-way.ts";
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
  readonly #shortWay: ShortWay<StreamQueue>;
  #bytes = 0;
  #wake: (() => void) | undefined;

  constructor(options: Omit<SyslogOptions, "host" | "port">) {
    this.#options = options;
    this.#shortWay = new ShortWay((channel) => options.queues.stream(channel));
  }

  /** Adds a line after all others of its channel. */
  place(record: TokenRecord, source: string, bytes: Uint8Array, header: SyslogHeader, nowMs: number): void {
    const stream = this.#options.queues.stream(record.channel);
    this.#bytes += stream.add(this, record, source, bytes, header, nowMs);
  }

  /** Adds a frame that is plain and whose token was passed to `knows`; false when it has to take the long way. */
  placePlain(bytes: Uint8Array, start: number, end: number): boolean {
    const taken = this.#shortWay.add(this, bytes, start, end);
    this.#bytes += taken;
    return taken > 0;
  }

  knows(name: Uint8Array, record: TokenRecord): void {
    const stream = this.#options.queues.stream(record.channel);
    this.#shortWay.learn(name, record.channel, stream, stream.originOf(record, record.source));
  }

  /** Call at the beginning of a read or of a turn of the event loop. */
  begin(): void {
    this.#shortWay.begin(this.#options.tokens.version);
  }

  /** Call at its end. */
  rest(): void {
    this.#shortWay.rest();
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
