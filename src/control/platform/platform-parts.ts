/** The ground of the routes about dynos: the records, and the app's own log. */
import type { Logger } from "pino";
import type { CanonicalLines } from "../../core/batch.ts";
import type { ChannelId } from "../../core/ids.ts";
import { apiLine } from "../../core/notice.ts";
import type { Clock, Store } from "../../ports.ts";
import { type PlatformLimits, platformLimits } from "../../registry/platform/limits.ts";
import { Platforms } from "../../registry/platform/platforms.ts";
import { Runners } from "../../registry/platform/runners.ts";
import type { TellApp } from "./platform-lines.ts";

export type PlatformParts = {
  readonly platforms: Platforms;
  readonly runners: Runners;
  readonly tellApp: TellApp;
  close(): Promise<void>;
};

type Options = {
  readonly store: Store;
  readonly clock: Clock;
  readonly limits?: PlatformLimits;
  readonly logger: Pick<Logger, "warn">;
  /** Takes lines into the log, as from any sender. */
  readonly append: (channel: ChannelId, lines: CanonicalLines) => Promise<unknown>;
};

export function platformParts({
  store,
  clock,
  limits = platformLimits,
  logger,
  append,
}: Options): PlatformParts {
  const platforms = new Platforms({ store, clock, limits });
  return {
    platforms,
    runners: new Runners({ store, clock }),
    async tellApp(channel, text) {
      try {
        await append(channel, apiLine(clock.nowMs(), text));
      } catch (err) {
        logger.warn({ err, app: channel }, "what was done to an app could not be told in its log");
      }
    },
    close: () => platforms.close(),
  };
}
