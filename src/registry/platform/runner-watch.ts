/**
 * Finds runners that have fallen silent, for example because they were killed. Only silence that this process itself
 * has observed counts: it starts from zero after an outage of the store, and neither a changed clock nor a server that
 * was down causes any.
 */
import type { ChannelId } from "../../core/ids.ts";
import { recordPrefixes } from "../../core/records/record-keys.ts";
import type { Clock, Store, StoreChange } from "../../ports.ts";
import { followRecords } from "../follow-records.ts";
import type { PlatformLimits } from "./limits.ts";
import type { RunnerRecord } from "./platform-records.ts";
import type { Runners } from "./runners.ts";

type RunnerWatchOptions = {
  readonly store: Store;
  readonly clock: Clock;
  readonly runners: Pick<Runners, "markSilent">;
  readonly limits: Pick<PlatformLimits, "silentMsMax" | "silenceLookMs">;
  /** Called when a silent runner could not be recorded; it is tried again. */
  readonly onFailure: (error: unknown) => void;
};

/** A runner's newest report, and when this process learned of it. */
type Heard = { readonly seenAtMs: number; readonly atMs: number };

export class RunnerWatch {
  readonly #options: RunnerWatchOptions;
  /** By the key of the record: one for each app that runs. */
  readonly #heard = new Map<string, Heard>();
  readonly #stop = new AbortController();
  readonly #work: Promise<unknown>;

  constructor(options: RunnerWatchOptions) {
    this.#options = options;
    const follower = {
      onUp: () => {},
      onDown: () => this.#heard.clear(),
      onRecord: ({ key, value }: StoreChange<RunnerRecord>) => this.#hear(key, value),
    };
    const following = followRecords<RunnerRecord>(
      options,
      recordPrefixes.runner,
      this.#stop.signal,
      follower,
    );
    this.#work = Promise.all([following, this.#look()]);
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#work;
  }

  #hear(key: string, runner: RunnerRecord | undefined): void {
    if (runner === undefined || runner.silentAtMs !== undefined) this.#heard.delete(key);
    else if (this.#heard.get(key)?.seenAtMs !== runner.seenAtMs)
      this.#heard.set(key, { seenAtMs: runner.seenAtMs, atMs: this.#options.clock.monotonicMs() });
  }

  async #look(): Promise<void> {
    const { clock, limits, runners, onFailure } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await clock.sleep(limits.silenceLookMs, signal);
      const silentSinceMs = clock.monotonicMs() - limits.silentMsMax;
      for (const [key, { seenAtMs, atMs }] of [...this.#heard]) {
        if (signal.aborted || atMs > silentSinceMs) continue;
        const channel = key.slice(recordPrefixes.runner.length) as ChannelId;
        await runners.markSilent(channel, seenAtMs).then(() => this.#heard.delete(key), onFailure);
      }
    }
  }
}
