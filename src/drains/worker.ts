/**
 * One drain: follow from the cursor, cut a parcel, deliver it, weigh the verdict, move the cursor.
 * What becomes of the lines is put down in its accounts.
 * While its destination fails it holds its state, and a parcel during an attempt; lines wait in the log.
 */
import assert from "node:assert";
import type { Logger } from "pino";
import { positionIn, type StoredBatch } from "../core/batch.ts";
import type { LineFilter } from "../core/line-filter.ts";
import { weigh } from "../core/loss.ts";
import { type RetryPolicy, retryDelayMs } from "../core/retry.ts";
import { drainDeliverySeconds, drainLagSeconds } from "../metrics.ts";
import type { Patterns } from "../patterns/patterns.ts";
import type { ChannelLog, Clock, Parcel, Store } from "../ports.ts";
import type { DrainRecord, DrainState } from "../registry/records.ts";
import { turns } from "../turns.ts";
import { Accounts } from "./accounts.ts";
import { Backlog, type ReadAhead } from "./backlog.ts";
import { BreakDelays } from "./break-delays.ts";
import { type CutLimits, Cutter, type ReceiverBounds } from "./cutter.ts";
import { DrainPatterns } from "./drain-patterns.ts";
import { type Leg, lineOf, nextLeg, progressOf } from "./leg.ts";
import type { DrainNotices } from "./notices.ts";
import { Outlet, type OutletParts } from "./outlet.ts";
import type { Cut } from "./parcel.ts";
import { StateKeeper } from "./state-keeper.ts";

/** Bounds of each drain. */
export type DrainLimits = CutLimits & {
  /** Stored bytes held in memory for a drain, the parcel under way included; batches are whole. */
  readonly backlogBytesMax: number;
  /** Tries of a parcel that is refused each time, the first included. */
  readonly refusalsMax: number;
  readonly retry: RetryPolicy;
};

export type WorkerParts = OutletParts & {
  /** Where nodes share the drains: who starts a worker takes the drain's state from whoever had it before. */
  readonly lease?: number | undefined;
  readonly log: ChannelLog;
  readonly store: Store;
  readonly clock: Clock;
  /** In [0, 1): spreads retries. */
  readonly random: () => number;
  readonly readAhead: ReadAhead;
  readonly patterns: Pick<Patterns, "selector" | "redactions">;
  readonly notices: Pick<DrainNotices, "lost" | "refused" | "certificate" | "expiring">;
  readonly limits: DrainLimits;
  /** What the drain's receiver takes in one parcel, when that is less than the limits. Never throws. */
  readonly boundsFor?: (drain: DrainRecord) => ReceiverBounds;
  readonly logger: Pick<Logger, "error" | "warn">;
};

/** A parcel that was not taken or answered in time so often is sent in parts: the time may be too short for it. */
const slowTriesMax = 2;

/** Runs one drain until it is stopped, or until somebody else turns out to own it. */
export class DrainWorker {
  readonly #drain: DrainRecord;
  readonly #parts: WorkerParts;
  readonly #keeper: StateKeeper;
  readonly #stopping = new AbortController();
  /** Of the delivery under way. */
  #delivery: AbortController | undefined;
  #isAborted = false;
  readonly #running: Promise<void>;
  readonly #outlet: Outlet;
  readonly #cutter: Cutter;
  readonly #accounts: Accounts;
  readonly #patterns: DrainPatterns;
  readonly #breakDelays: BreakDelays;
  /** Failed attempts in a row. */
  #failures = 0;
  /** The last attempt delivered. */
  #isProven = false;
  #refusals = 0;
  /** Tries of a parcel that a destination did not take or answer in time. */
  #slowTries = 0;
  #backlog: Backlog | undefined;
  /** The connection broke and what was delivered lately may not have arrived; why, in words. */
  #doubt: string | undefined;
  #waitMs = 0;

  private constructor(
    drain: DrainRecord,
    filter: LineFilter | undefined,
    parts: WorkerParts,
    keeper: StateKeeper,
  ) {
    this.#drain = drain;
    this.#parts = parts;
    this.#keeper = keeper;
    this.#outlet = new Outlet(drain, parts, { onDoubt: (reason) => this.#onDoubt(reason) });
    this.#accounts = new Accounts(drain, keeper, parts);
    this.#breakDelays = new BreakDelays(parts.limits.retry);
    const { signal } = this.#stopping;
    const rest = () => void this.#outlet.close();
    this.#patterns = new DrainPatterns(drain, filter, { ...parts, keeper, rest, signal });
    this.#cutter = new Cutter({
      drain,
      filter: this.#patterns.filter,
      receiver: parts.boundsFor?.(drain) ?? {},
      keeper,
      isShared: parts.lease !== undefined,
      limits: parts.limits,
      clock: parts.clock,
    });
    keeper.onConflict = () => this.#stopping.abort();
    if (keeper.isLost) this.#stopping.abort();
    const { phase, deliveredAt } = keeper.state;
    this.#isProven = parts.lease !== undefined && phase !== "retrying" && deliveredAt !== undefined;
    if (keeper.state.phase === "retrying") this.#failures = 1; // it waits for its turn among those that fail
    if (keeper.state.phase === "delivering") keeper.set({ phase: "idle" }); // it was stopped amid a delivery
    this.#running = this.#run();
  }

  /** Goes on where the drain's state says. `filter` is the compiled one of the record. */
  static async open(
    drain: DrainRecord,
    filter: LineFilter | undefined,
    parts: WorkerParts,
  ): Promise<DrainWorker> {
    const { store, clock, logger, limits } = parts;
    const keeper = await StateKeeper.open(drain, {
      store,
      clock,
      logger,
      commitMsMax: limits.commitMsMax,
      lease: parts.lease,
    });
    return new DrainWorker(drain, filter, parts, keeper);
  }

  /** Resolves when the worker ended, for whatever reason, or `signal` is aborted; rejects when it broke. */
  endedOr(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) resolve();
      else signal.addEventListener("abort", () => resolve(), { once: true });
      this.#running.then(resolve, reject);
    });
  }

  /** How far it is, ahead of the Store by a moment. */
  get state(): DrainState {
    return this.#keeper.state;
  }

  /** Idempotent. Starts nothing new, gives a delivery under way `graceMs` to end, commits the state. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping.abort();
    const ended = new AbortController();
    const running = this.#running.catch(() => {}).finally(() => ended.abort());
    if (graceMs > 0) await this.#parts.clock.sleep(graceMs, ended.signal);
    this.#isAborted = true;
    this.#delivery?.abort();
    await running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    try {
      while (!signal.aborted) {
        this.#waitMs = 0;
        try {
          await this.#follow(await nextLeg(this.#parts.log, this.#drain, this.#keeper));
          if (this.#doubt !== undefined) this.#goBack(this.#doubt);
        } catch (err) {
          if (this.#isAborted) break;
          if (err instanceof assert.AssertionError) throw err;
          this.#parts.logger.error({ err, drain: this.#drain.id }, "a drain could not read its log");
          this.#failed("the log could not be read; the operator has to look into it");
        }
        if (this.#waitMs > 0) await this.#parts.clock.sleep(this.#waitMs, signal);
      }
    } finally {
      await this.#outlet.close();
      if (this.#doubt !== undefined) this.#goBack(this.#doubt);
      await this.#keeper.close();
    }
  }

  #onDoubt(reason: string): void {
    this.#doubt = reason;
    this.#backlog?.end();
  }

  // Lines that were delivered and may not have arrived are sent once more, before anything else.
  #goBack(reason: string): void {
    const { clock, random } = this.#parts;
    this.#doubt = undefined;
    if (!this.#accounts.doubt()) return;
    const delayMs = this.#breakDelays.next(clock.monotonicMs(), random());
    if (this.#waitMs === 0) this.#failed(reason, delayMs);
    else if (delayMs > this.#waitMs) {
      this.#waitMs = delayMs; // the delivery under way failed as well, and said so
      this.#keeper.note({ nextAttemptAt: new Date(clock.nowMs() + delayMs).toISOString() });
    }
  }

  // Delivers from `leg` on, until a parcel fails, the leg is done, the connection broke or the worker stops.
  async #follow(leg: Leg): Promise<void> {
    // Drains that wait for one another read nothing before it is their turn.
    if (this.#failures > 0 && !(await this.#outlet.take(true, this.#stopping.signal))) return;
    if (!(await this.#isLeft(leg))) return;
    const { log, limits, readAhead } = this.#parts;
    const isProbe = !this.#isProven;
    const backlog = new Backlog({
      log,
      channel: this.#drain.channel,
      from: { kind: "after", position: leg.position },
      bytesMax:
        isProbe && this.#cutter.heldEndLine === undefined ? limits.probeBytesMax : limits.backlogBytesMax,
      readAhead,
      throughLine: this.#cutter.heldEndLine ?? 0,
      signal: this.#stopping.signal,
    });
    this.#backlog = backlog;
    try {
      while (this.#doubt === undefined && (await backlog.ready())) {
        if (backlog.isForeign) return this.#beginAgain(leg, backlog.batches[0]!);
        const line = this.#nextLine(leg, backlog);
        if (line === undefined) continue;
        if (line >= leg.endLine) return this.#keeper.set(progressOf(leg, undefined));
        const ready = this.#cutter.ready(backlog.batches);
        if (ready !== undefined && (!(await this.#patterns.wait(ready)) || this.#doubt !== undefined))
          continue;
        const cut = this.#cutter.cut(backlog.batches, line, leg, this.#isProven);
        if (!(await this.#cutter.isRepeatable(cut, backlog.batches, leg))) continue;
        if (cut.parcel === undefined) {
          this.#settle(leg, backlog, cut, 0, 0);
          if (this.#failures > 0) void this.#outlet.close(); // what comes next may be long in coming
          if (turns.isOver) await turns.next(); // a filter that keeps nothing never waits for anybody
        } else if (isProbe) {
          await backlog.close();
          await this.#deliver(leg, backlog, cut, cut.parcel);
          return;
        } else if (!(await this.#deliver(leg, backlog, cut, cut.parcel))) return;
        if (cut.endLine >= leg.endLine) return;
      }
    } finally {
      this.#backlog = undefined;
      await backlog.close();
    }
    // The log ended the reading by itself: its channel is being destroyed, or the log closed.
    if (this.#stopping.signal.aborted || this.#doubt !== undefined) return;
    void this.#outlet.close();
    this.#backOff();
  }

  // False when the leg is at its end. What retention took of it is told now, not with the channel's next line.
  async #isLeft(leg: Leg): Promise<boolean> {
    const { batches, end } = await this.#parts.log.recent(this.#drain.channel, 1);
    if (batches.length === 0 && leg.again !== undefined) {
      if (leg.again === "doubt") this.#accounts.loseDoubtful(leg, leg.endLine - leg.line!);
      else this.#keeper.set(progressOf(leg, undefined));
      return false;
    }
    if (batches.length === 0 && end.line > leg.line!) {
      this.#accounts.lose(end.line - leg.line!, end.position, end.line);
      leg.position = end.position;
      leg.line = end.line;
    }
    if (leg.line === end.line && this.#failures > 0) {
      void this.#outlet.close();
      this.#keeper.set({ phase: "idle" }); // what failed is gone: nothing waits for another try
    }
    return true;
  }

  // The log is another one than the one that the leg is a place of.
  #beginAgain(leg: Leg, oldest: StoredBatch): void {
    this.#cutter.reset();
    if (leg.again !== undefined) this.#keeper.set(progressOf(leg, undefined));
    else {
      this.#parts.logger.warn(
        { drain: this.#drain.id },
        "a drain's log was replaced: it begins with its oldest line",
      );
      this.#accounts.beginAgain(oldest);
    }
  }

  // The line to go on with, in the first batch; lines that retention took on the way are counted as lost.
  #nextLine(leg: Leg, backlog: Backlog): number | undefined {
    const first = backlog.batches[0]!;
    const { missing, repeated } = weigh(lineOf(leg, first), first);
    if (repeated === first.count) {
      backlog.settle(first.line + first.count);
      return undefined;
    }
    if (missing > 0 && leg.again === undefined)
      this.#accounts.lose(missing, positionIn(first, 0), first.line);
    if (missing > 0 && leg.again === "doubt") {
      this.#accounts.loseDoubtful(leg, Math.min(missing, leg.endLine - leg.line!), positionIn(first, 0));
    }
    leg.line = first.line + repeated;
    this.#cutter.pass(leg.line);
    return leg.line;
  }

  // True when the parcel is settled or split and there is no reason to wait.
  async #deliver(leg: Leg, backlog: Backlog, cut: Cut, parcel: Parcel): Promise<boolean> {
    if (this.#keeper.state.phase === "idle") this.#keeper.set({ phase: "delivering" });
    const redacting = this.#patterns.redacted(parcel);
    const sent = redacting instanceof Promise ? await redacting : redacting;
    if (sent === undefined || this.#doubt !== undefined) return false; // what is in doubt goes first
    const { clock } = this.#parts;
    const startedAtMs = clock.monotonicMs();
    const isFailing = this.#failures > 0;
    const { signal: stopping } = this.#stopping;
    this.#delivery = new AbortController();
    if (this.#isAborted) this.#delivery.abort();
    const verdict = await this.#outlet.deliver(sent, isFailing, stopping, this.#delivery.signal);
    this.#delivery = undefined;
    if (verdict === undefined) return false;
    drainDeliverySeconds.observe({ verdict: verdict.kind }, (clock.monotonicMs() - startedAtMs) / 1000);
    switch (verdict.kind) {
      case "delivered": {
        this.#failures = 0;
        this.#isProven = true;
        this.#keeper.set({ deliveredAt: new Date(clock.nowMs()).toISOString() });
        drainLagSeconds.observe(Math.max(0, clock.nowMs() - cut.firstAcceptedAtMs) / 1000);
        const rejected = Math.min(verdict.rejected ?? 0, parcel.count);
        if (rejected > 0)
          this.#accounts.tellRefused(cut, rejected, verdict.reason ?? "the destination rejected lines");
        this.#settle(leg, backlog, cut, parcel.count - rejected, rejected);
        this.#outlet.rest();
        if (verdict.expiring !== undefined) this.#accounts.tellExpiring(verdict.expiring);
        return true;
      }
      case "split":
        if (parcel.count === 1) return this.#refuse(leg, backlog, cut, 1, verdict.reason);
        this.#cutter.halve(cut);
        return true;
      case "refused":
        if (++this.#refusals >= this.#parts.limits.refusalsMax) {
          return this.#refuse(leg, backlog, cut, parcel.count, verdict.reason);
        }
        this.#cutter.hold(cut);
        this.#failed(verdict.reason);
        return false;
      case "retry":
        if (!verdict.slow) this.#slowTries = 0;
        if (verdict.slow && ++this.#slowTries >= slowTriesMax && this.#cutter.isDivisible(cut)) {
          this.#cutter.halve(cut);
          this.#slowTries = 0;
        } else this.#cutter.hold(cut);
        this.#failed(verdict.reason, verdict.afterMs);
        if (verdict.certificate) this.#parts.notices.certificate(this.#drain, verdict.reason);
        return false;
    }
  }

  #refuse(leg: Leg, backlog: Backlog, cut: Cut, lines: number, reason: string): true {
    this.#accounts.tellRefused(cut, lines, reason);
    this.#failures = 0;
    this.#settle(leg, backlog, cut, 0, lines);
    this.#outlet.rest();
    return true;
  }

  // Passes the stretch of `cut`: each of its lines gets its place in the ledger.
  #settle(leg: Leg, backlog: Backlog, cut: Cut, delivered: number, refused: number): void {
    this.#cutter.pass(cut.endLine);
    this.#refusals = 0;
    this.#slowTries = 0;
    backlog.settle(cut.endLine);
    const isMore = backlog.batches.length > 0;
    const phase = !isMore ? "idle" : this.#failures > 0 ? this.#keeper.state.phase : "delivering";
    this.#accounts.settle(leg, cut, delivered, refused, phase);
  }

  #failed(reason: string, afterMs = 0): void {
    this.#backOff();
    this.#waitMs = Math.max(this.#waitMs, afterMs);
    this.#isProven = false;
    void this.#outlet.close();
    const nowMs = this.#parts.clock.nowMs();
    const lastError = { at: new Date(nowMs).toISOString(), message: reason };
    const nextAttemptAt = new Date(nowMs + this.#waitMs).toISOString();
    const parcelEnd = this.#parts.lease === undefined ? undefined : this.#cutter.heldEndLine;
    const { phase, parcelEnd: storedEnd } = this.#keeper.state;
    const isNews = phase !== "retrying" || (parcelEnd !== undefined && parcelEnd !== storedEnd);
    const changes = { phase: "retrying", lastError, nextAttemptAt, ...(parcelEnd && { parcelEnd }) } as const;
    if (isNews) this.#keeper.set(changes);
    else this.#keeper.note(changes);
  }

  #backOff(): void {
    const { limits, random } = this.#parts;
    this.#waitMs = retryDelayMs(limits.retry, this.#failures++, random()) ?? limits.retry.delayMsMax;
  }
}
