/**
 * The operator's metrics of all drains of this node: how much waits for them, and why some fail. Nothing waits for a
 * drain that is up to date; of the others, each round looks at a bounded number, so that dead drains cost no more reads
 * of the log than that, however many there are.
 */

import type { BackgroundFailures } from "../background-failures.ts";
import type { ChannelId } from "../core/ids.ts";
import { type FailureCause, failureCauses } from "../core/records/failure-cause.ts";
import { rateAt } from "../core/records/rate.ts";
import { drainBacklogAge, drainBacklogLines, failingDrains } from "../metrics.ts";
import type { ChannelLog, Clock } from "../ports.ts";
import type { DrainCheckpoint } from "../registry/drain-checkpoint.ts";
import { lagOf } from "../registry/drain-ledger.ts";
import type { DrainHistories } from "./drain-histories.ts";

/** A drain that runs here. */
export type RunningDrain = {
  readonly id: string;
  readonly channel: ChannelId;
  readonly checkpoint: DrainCheckpoint;
  /** True when everything of its app is settled. */
  readonly isIdle: boolean;
};

type CensusOptions = {
  readonly running: () => Iterable<RunningDrain>;
  readonly log: ChannelLog;
  readonly clock: Clock;
  readonly failures: Pick<BackgroundFailures, "note">;
  /** Gets a sample of each drain in each round. */
  readonly histories: DrainHistories;
  /** The time between two rounds. */
  readonly everyMs: number;
  /** How many drains' lags are read in a round. */
  readonly readsMax: number;
};

type Lag = { readonly lagLines: number; readonly lagSeconds: number; readonly atMs: number };

export class DrainCensus {
  readonly #options: CensusOptions;
  readonly #closing = new AbortController();
  readonly #rounds: Promise<void>;
  /** The lines that each drain had sent when it was last counted. */
  readonly #sent = new Map<string, { readonly lines: number; readonly atMs: number }>();
  /** The drains that are not idle, as they were when they were last looked at; longest ago first. */
  #lags = new Map<string, Lag>();

  constructor(options: CensusOptions) {
    this.#options = options;
    this.#rounds = this.#run();
  }

  /** Idempotent. */
  close(): Promise<void> {
    this.#closing.abort();
    return this.#rounds;
  }

  async #run(): Promise<void> {
    const { clock, everyMs, failures } = this.#options;
    const { signal } = this.#closing;
    for (;;) {
      await clock.sleep(everyMs, signal);
      if (signal.aborted) return;
      await this.#round().catch((err: unknown) =>
        failures.note("census", err, "the lag of drains could not be read; it is tried again"),
      );
    }
  }

  async #round(): Promise<void> {
    const { running, readsMax } = this.#options;
    const all = new Map<string, RunningDrain>();
    const busy = new Map<string, RunningDrain>();
    const failing = new Map<FailureCause, number>(failureCauses.map((cause) => [cause, 0]));
    for (const drain of running()) {
      const { failing: failed } = drain.checkpoint;
      if (failed !== undefined) {
        const cause = failing.has(failed.cause ?? "other") ? (failed.cause ?? "other") : "other";
        failing.set(cause, failing.get(cause)! + 1);
      }
      all.set(drain.id, drain);
      if (!drain.isIdle) busy.set(drain.id, drain);
    }
    for (const [cause, drains] of failing) failingDrains.set({ cause }, drains);
    for (const id of this.#lags.keys()) if (!busy.has(id)) this.#lags.delete(id);
    for (const drain of this.#dueOf(busy).slice(0, readsMax)) await this.#look(drain);
    this.#sample(all);
    this.#tell();
  }

  // A drain that was not looked at in this round has the lag of its last look.
  #sample(all: ReadonlyMap<string, RunningDrain>): void {
    const { histories, clock } = this.#options;
    const atMs = clock.nowMs();
    histories.keep(all);
    for (const id of this.#sent.keys()) if (!all.has(id)) this.#sent.delete(id);
    for (const [id, { checkpoint }] of all) {
      const lagLines = this.#lags.get(id)?.lagLines ?? 0;
      const before = this.#sent.get(id);
      const lines = checkpoint.delivered + checkpoint.replayed;
      this.#sent.set(id, { lines, atMs });
      const sent = before === undefined ? 0 : lines - before.lines;
      const seconds = before === undefined ? 0 : (atMs - before.atMs) / 1_000;
      const rate = seconds > 0 && sent >= 0 ? sent / seconds : rateAt(checkpoint.rate, atMs);
      histories.add(id, { atMs, lagLines, rate: Math.round(100 * rate) / 100 });
    }
  }

  // Those that have not been looked at yet, then those looked at longest ago.
  #dueOf(busy: ReadonlyMap<string, RunningDrain>): readonly RunningDrain[] {
    const fresh = [...busy.values()].filter(({ id }) => !this.#lags.has(id));
    return [...fresh, ...[...this.#lags.keys()].map((id) => busy.get(id)!)];
  }

  async #look({ id, channel, checkpoint }: RunningDrain): Promise<void> {
    const { log, clock } = this.#options;
    const atMs = clock.nowMs();
    const lag = await lagOf(log, channel, checkpoint, atMs);
    this.#lags.delete(id);
    if (lag.lagLines > 0) this.#lags.set(id, { ...lag, atMs });
  }

  // Waiting lines have grown older since they were seen.
  #tell(): void {
    const nowMs = this.#options.clock.nowMs();
    let lines = 0;
    let ageSeconds = 0;
    for (const { lagLines, lagSeconds, atMs } of this.#lags.values()) {
      lines += lagLines;
      ageSeconds = Math.max(ageSeconds, lagSeconds + Math.round((nowMs - atMs) / 1000));
    }
    drainBacklogLines.set(lines);
    drainBacklogAge.set(ageSeconds);
  }
}
