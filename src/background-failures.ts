/**
 * Failures of background work that retries itself. Each is counted, and at most one of each kind per minute is logged,
 * with the number of those that were not.
 */
import type { Logger } from "pino";
import { backgroundFailures } from "./metrics.ts";

/** The kind of a failure: a label of the metric, so a closed set. */
export type FailedWork =
  | "append"
  | "retention"
  | "head"
  | "live"
  | "history"
  | "lease"
  | "open_files"
  | "census"
  | "addons";

type Options = {
  readonly logger: Pick<Logger, "warn"> | undefined;
  readonly nowMs: () => number;
};

const everyMs = 60_000;

export class BackgroundFailures {
  readonly #options: Options;
  readonly #logged = new Map<FailedWork, { readonly atMs: number; untold: number }>();

  constructor(options: Options) {
    this.#options = options;
  }

  /** `message` says what failed and when it is retried. */
  note(work: FailedWork, err: unknown, message: string): void {
    backgroundFailures.inc({ work });
    const { logger, nowMs } = this.#options;
    const before = this.#logged.get(work);
    if (before !== undefined && nowMs() - before.atMs < everyMs) {
      before.untold++;
      return;
    }
    logger?.warn({ err, ...(before && before.untold > 0 && { untold: before.untold }) }, message);
    this.#logged.set(work, { atMs: nowMs(), untold: 0 });
  }
}
