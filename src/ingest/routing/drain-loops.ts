/**
 * Catches lines that one of our own drains sent and that came back here. If accepted, they would be drained, come back,
 * and so on endlessly. They are refused, and the drain's owner is told in the app's own log. That notice comes back
 * too, so the time between notices doubles each time, up to a day.
 */
import { LRUCache } from "lru-cache";
import type { Logger } from "pino";
import type { CanonicalLines } from "../../core/batch/batch.ts";
import { l16 } from "../../core/batch/notice.ts";
import type { ChannelId } from "../../core/ids.ts";
import type { Clock } from "../../ports.ts";

type DrainLoopsOptions = {
  /** The app whose drain has this token. */
  readonly channelOf: (drainToken: string) => ChannelId | undefined;
  /** The way in of all lines: `AppendQueues.append`. */
  readonly append: (channel: ChannelId, lines: CanonicalLines) => Promise<unknown>;
  readonly clock: Pick<Clock, "nowMs">;
  readonly logger: Pick<Logger, "warn">;
  /** From the first line for a drain to its second. */
  readonly everyMsMin: number;
  readonly everyMsMax: number;
  /** Drains whose last line is remembered. */
  readonly drainsMax: number;
};

/** One drain's loop: what came back since `sinceMs`, and when that is told next. */
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

  /** Something that a drain of ours sent was refused; `isNotice`: it is one of our own lines to owners. */
  refused(drainToken: string, isNotice = false): void {
    const { channelOf, clock, everyMsMin } = this.#options;
    const channel = channelOf(drainToken);
    if (channel === undefined || isNotice) return;
    const nowMs = clock.nowMs();
    let loop = this.#loops.get(drainToken);
    if (loop === undefined) {
      loop = { count: 0, sinceMs: nowMs, nextAtMs: nowMs, everyMs: everyMsMin };
      this.#loops.set(drainToken, loop);
    }
    if (loop.count++ === 0) loop.sinceMs = nowMs;
    if (nowMs >= loop.nextAtMs) this.#tell(channel, drainToken, loop, nowMs);
  }

  #tell(channel: ChannelId, drainToken: string, loop: Loop, nowMs: number): void {
    const { append, everyMsMax, logger } = this.#options;
    const line = l16(drainToken, loop.count, loop.sinceMs, nowMs);
    loop.count = 0;
    loop.nextAtMs = nowMs + loop.everyMs;
    loop.everyMs = Math.min(2 * loop.everyMs, everyMsMax);
    append(channel, line).catch((err: unknown) =>
      logger.warn({ err, channel }, "a notice of a drain that leads back here could not be stored"),
    );
  }
}
