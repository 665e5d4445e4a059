/** Counts all apps once a minute, for a metric: keeping the count up to date would mean remembering every name. */
import type { BackgroundFailures } from "../background-failures.ts";
import { appsCounted } from "../metrics.ts";
import type { Clock } from "../ports.ts";
import type { Apps } from "./apps.ts";

type AppCensusOptions = {
  readonly apps: Pick<Apps, "count">;
  readonly clock: Pick<Clock, "sleep">;
  readonly failures: Pick<BackgroundFailures, "note">;
  /** The time between two counts. */
  readonly everyMs: number;
};

export class AppCensus {
  readonly #closing = new AbortController();
  readonly #rounds: Promise<void>;

  constructor(options: AppCensusOptions) {
    this.#rounds = this.#run(options);
  }

  /** Idempotent. */
  close(): Promise<void> {
    this.#closing.abort();
    return this.#rounds;
  }

  async #run({ apps, clock, failures, everyMs }: AppCensusOptions): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      await apps.count().then(
        (count) => appsCounted.set(count),
        (err: unknown) => failures.note("census", err, "the apps could not be counted; it is tried again"),
      );
      await clock.sleep(everyMs, signal);
    }
  }
}
