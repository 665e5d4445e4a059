/**
 * The runners of apps, and the dynos that each has. A runner says so again and again; one that has been silent for a while
 * is gone, and so are its dynos. An app has one runner at a time.
 */
import type { ChannelId } from "../../core/ids.ts";
import { appKey, runnerKey } from "../../core/record-keys.ts";
import { notFound } from "../../errors/access.ts";
import { noRunner, runnerPresent } from "../../errors/platform.ts";
import type { Clock, Store } from "../../ports.ts";
import type { AppRecord } from "../records.ts";
import { removeRecord, updateRecord } from "../update.ts";
import type { DynoReport, RunnerRecord } from "./platform-records.ts";

/** A runner reports at least three times as often. */
export const silentMsMax = 60_000;

export type RunnerReport = Omit<RunnerRecord, "seenAtMs"> & {
  /** The runner that this one has found dead on its own machine. */
  readonly replaces?: string;
};

export class Runners {
  readonly #store: Store;
  readonly #clock: Clock;

  constructor({ store, clock }: { readonly store: Store; readonly clock: Clock }) {
    this.#store = store;
    this.#clock = clock;
  }

  /** The runner that was heard of lately. */
  async get(channel: ChannelId): Promise<RunnerRecord | undefined> {
    const found = await this.#store.get<RunnerRecord>(runnerKey(channel));
    return found !== undefined && this.#isAlive(found.value) ? found.value : undefined;
  }

  /** The dynos that there are now. */
  async dynos(channel: ChannelId): Promise<readonly DynoReport[]> {
    return (await this.get(channel))?.dynos ?? [];
  }

  /** Throws when nobody is there to do anything. */
  async need(channel: ChannelId): Promise<RunnerRecord> {
    const runner = await this.get(channel);
    if (runner === undefined) throw noRunner();
    return runner;
  }

  /** Keeps what a runner says of itself. Throws when the app has another one. */
  async report(channel: ChannelId, { replaces, ...report }: RunnerReport): Promise<void> {
    const key = runnerKey(channel);
    await updateRecord<RunnerRecord>(this.#store, key, (found) => {
      const isOther = found !== undefined && ![report.id, replaces].includes(found.id);
      if (isOther && this.#isAlive(found)) throw runnerPresent(found.host, found.pid);
      return { ...report, seenAtMs: this.#clock.nowMs() };
    });
    const app = await this.#store.get<AppRecord>(appKey(channel));
    if (app !== undefined && app.value.destroying === undefined) return;
    await removeRecord(this.#store, key);
    throw notFound("app");
  }

  /** The runner has ended all its dynos. Fine when it is another's turn by now. */
  async leave(channel: ChannelId, id: string): Promise<void> {
    await updateRecord<RunnerRecord>(this.#store, runnerKey(channel), (found) =>
      found?.id === id ? undefined : found,
    );
  }

  #isAlive({ seenAtMs }: RunnerRecord): boolean {
    return this.#clock.nowMs() - seenAtMs < silentMsMax;
  }
}
