/**
 * Catches lines that one of our own drains sent and that came back here. If they were accepted, they would be drained
 * and come back again, endlessly. They are refused, and the drain's owner is told in the app's own log. That notice
 * comes back too, so the time between notices doubles each time, up to a day.
 */
import { LRUCache } from "lru-cache";
import type { Logger } from "pino";
import type { CanonicalLines } from "../../core/batch/batch.ts";
import { l16 } from "../../core/batch/notice.ts";
import type { ChannelId } from "../../core/ids.ts";
import type { Clock } from "../../ports.ts";

type DrainLoopsOptions = {
  /** The app that has a drain with this token. */
  readonly channelOf: (drainToken: string) => ChannelId | undefined;
  /** `AppendQueues.append`. */
  readonly append: (channel: ChannelId, lines: CanonicalLines) => Promise<unknown>;
  readonly clock: Pick<Clock, "nowMs" | "monotonicMs">;
  readonly logger: Pick<Logger, "warn">;
  /** Between the first notice for a drain and its second. */
  readonly everyMsMin: number;
  readonly everyMsMax: number;
  /** Drains whose last notice is remembered. */
  readonly drainsMax: number;
};

/** One drain's loop: lines that came back since `sinceMs`, and when the next notice is due by the monotonic clock. */
type Loop = { count: number; sinceMs: number; nextAtMs: number; everyMs: number };

export class DrainLoops {
  readonly #options: DrainLoopsOptions;
  readonly #loops: LRUCache<string, Loop>;

  constructor(options: DrainLoopsOptions) {
    this.#options = options;
    this.#loops = new LRUCache({ max: options.drainsMax });
  }

  /** True when a drain of ours has this token. */
  isOurs(drainToken: string): boolean {
    return this.#options.channelOf(drainToken) !== undefined;
  }

  /** A line that one of our drains sent was refused. `isNotice`: it was one of our own notices. */
  refused(drainToken: string, isNotice = false): void {
    const { channelOf, clock, everyMsMin } = this.#options;
    const channel = channelOf(drainToken);
    if (channel === undefined || isNotice) return;
    const nowMs = clock.nowMs();
    const atMs = clock.monotonicMs();
    let loop = this.#loops.get(drainToken);
    if (loop === undefined) {
      loop = { count: 0, sinceMs: nowMs, nextAtMs: atMs, everyMs: everyMsMin };
      this.#loops.set(drainToken, loop);
    }
    if (loop.count++ === 0) loop.sinceMs = nowMs;
    if (atMs < loop.nextAtMs) return;
    loop.nextAtMs = atMs + loop.everyMs;
    this.#tell(channel, drainToken, loop, nowMs);
  }

  #tell(channel: ChannelId, drainToken: string, loop: Loop, nowMs: number): void {
    const { append, everyMsMax, logger } = this.#options;
    const line = l16(drainToken, loop.count, loop.sinceMs, nowMs);
    loop.count = 0;
    loop.everyMs = Math.min(2 * loop.everyMs, everyMsMax);
    append(channel, line).catch((err: unknown) =>
      logger.warn({ err, channel }, "a notice of a drain that leads back here could not be stored"),
    );
  }
}
