/** The basis of the routes about dynos: the records, and the app's own log. */
import type { Logger } from "pino";
import type { CanonicalLines } from "../../core/batch/batch.ts";
import { apiLine, stateLine } from "../../core/batch/notice.ts";
import type { ChannelId } from "../../core/ids.ts";
import type { Clock, Store } from "../../ports.ts";
import { type PlatformLimits, platformLimits } from "../../registry/platform/limits.ts";
import { Platforms } from "../../registry/platform/platforms.ts";
import { RunnerWatch } from "../../registry/platform/runner-watch.ts";
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
  /** True if this node looks for runners that have fallen silent. */
  readonly watchesRunners: boolean;
  /** Takes lines into the log, like those of any sender. */
  readonly append: (channel: ChannelId, lines: CanonicalLines) => Promise<unknown>;
};

export function platformParts({
  store,
  clock,
  limits = platformLimits,
  logger,
  watchesRunners,
  append,
}: Options): PlatformParts {
  const platforms = new Platforms({ store, clock, limits });
  const tell = async (channel: ChannelId, line: CanonicalLines) => {
    try {
      await append(channel, line);
    } catch (err) {
      logger.warn({ err, app: channel }, "what was done to an app could not be told in its log");
    }
  };
  const runners = new Runners({
    store,
    clock,
    tell: (channel, process, text) => tell(channel, stateLine(clock.nowMs(), process, text)),
  });
  const onFailure = (err: unknown) =>
    logger.warn({ err }, "an app's runner is silent, and that cannot be written down; it is tried again");
  const watch = watchesRunners ? new RunnerWatch({ store, clock, runners, limits, onFailure }) : undefined;
  return {
    platforms,
    runners,
    tellApp: (channel, text) => tell(channel, apiLine(clock.nowMs(), text)),
    async close() {
      await watch?.close();
      await platforms.close();
    },
  };
}
