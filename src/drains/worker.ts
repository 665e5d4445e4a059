/**
 * One drain: follow from the cursor, cut a parcel, deliver it, weigh the verdict, move the cursor.
 * Invariant: `line - start.line = delivered + refused + lost + filtered` at every put of the state.
 * While its destination fails it holds its state and nothing else; lines wait in the log.
 */
import assert from "node:assert";
import type { Logger } from "pino";
import { positionIn, type StoredBatch } from "../core/batch.ts";
import type { LineFilter } from "../core/line-filter.ts";
import { weigh } from "../core/loss.ts";
import { type Position, readPosition } from "../core/position.ts";
import { type RetryPolicy, retryDelayMs } from "../core/retry.ts";
import { AppError } from "../errors.ts";
import { drainDeliverySeconds, drainLagSeconds, drainLines } from "../metrics.ts";
import type { ChannelLog, Clock, Parcel, Sink, Store, Verdict } from "../ports.ts";
import type { DrainRecord, DrainState } from "../registry/records.ts";
import { Backlog } from "./backlog.ts";
import type { DrainNotices } from "./notices.ts";
import { type Cut, cutParcel } from "./parcel.ts";
import type { Sockets, Turn } from "./sockets.ts";
import { StateKeeper } from "./state-keeper.ts";

/** Bounds of each drain. */
export type DrainLimits = {
  readonly parcelLinesMax: number;
  readonly parcelBytesMax: number;
  /** Stored bytes held in memory for a drain, the parcel under way included; batches are whole. */
  readonly backlogBytesMax: number;
  /** A destination that answered 413 gets smaller parcels for so long. */
  readonly splitMsMax: number;
  /** Tries of a parcel that is refused each time, the first included. */
  readonly refusalsMax: number;
  /** A state is written at most so long after it changed. */
  readonly commitMsMax: number;
  readonly retry: RetryPolicy;
};

export type WorkerParts = {
  readonly log: ChannelLog;
  readonly store: Store;
  readonly clock: Clock;
  /** In [0, 1): spreads retries. */
  readonly random: () => number;
  readonly sinkFor: (drain: DrainRecord) => Sink;
  readonly sockets: Sockets;
  readonly notices: Pick<DrainNotices, "lost" | "refused" | "certificate">;
  readonly limits: DrainLimits;
  readonly logger: Pick<Logger, "error">;
};

/** What a worker follows: the channel from its cursor, or, for a replay, from an earlier place up to the cursor. */
type Leg = {
  readonly replayId: string | undefined;
  position: Position;
  /** The next line; unknown until the first batch of a replay is seen. */
  line: number | undefined;
};

/** Runs one drain until it is stopped, or until somebody else turns out to own it. */
export class DrainWorker {
  readonly #drain: DrainRecord;
  readonly #filter: LineFilter | undefined;
  readonly #parts: WorkerParts;
  readonly #keeper: StateKeeper;
  readonly #stopping = new AbortController();
  readonly #aborting = new AbortController();
  readonly #running: Promise<void>;
  #sink: { readonly sink: Sink; readonly turn: Turn } | undefined;
  /** Failed attempts in a row. */
  #failures = 0;
  #refusals = 0;
  #waitMs = 0;
  /** The end of the parcel that has to be sent again as it was, under the same frame id. */
  #heldEndLine: number | undefined;
  /** Set by a 413. */
  #split: { readonly bytesMax: number; readonly untilMs: number } | undefined;
  /** When the last settled line was accepted: the best "since" of lines that are gone. */
  #settledAtMs: number | undefined;

  private constructor(
    drain: DrainRecord,
    filter: LineFilter | undefined,
    parts: WorkerParts,
    keeper: StateKeeper,
  ) {
    this.#drain = drain;
    this.#filter = filter;
    this.#parts = parts;
    this.#keeper = keeper;
    keeper.onConflict = () => this.#stopping.abort();
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
    const keeper = await StateKeeper.open(drain, { store, clock, logger, commitMsMax: limits.commitMsMax });
    return new DrainWorker(drain, filter, parts, keeper);
  }

  /** Resolves when the worker ended, for whatever reason; rejects when it broke. */
  get ended(): Promise<void> {
    return this.#running;
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
    this.#aborting.abort();
    await running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    try {
      while (!signal.aborted) {
        this.#waitMs = 0;
        try {
          await this.#follow((await this.#replayLeg()) ?? this.#cursorLeg());
        } catch (err) {
          if (this.#aborting.signal.aborted) break;
          if (err instanceof assert.AssertionError) throw err;
          this.#parts.logger.error({ err, drain: this.#drain.id }, "a drain could not read its log");
          this.#failed("the log could not be read; the operator has to look into it");
        }
        if (this.#waitMs > 0) await this.#parts.clock.sleep(this.#waitMs, signal);
      }
    } finally {
      this.#closeSink();
      await this.#keeper.close();
    }
  }

  #cursorLeg(): Leg {
    const { position, line } = this.#keeper.state;
    return { replayId: undefined, position, line };
  }

  // The newest wish to send lines again, if it is not fulfilled. Nothing accepted since then: it is at once.
  async #replayLeg(): Promise<Leg | undefined> {
    const { replay: wish, channel } = this.#drain;
    const { replay } = this.#keeper.state;
    if (wish === undefined) return undefined;
    if (replay?.id === wish.id) {
      return replay.position && { replayId: wish.id, position: replay.position, line: undefined };
    }
    const { log } = this.#parts;
    const newest = (await log.recent(channel, 1)).batches.at(-1);
    if (newest !== undefined && newest.acceptedAtMs >= wish.sinceMs) {
      const looking = new AbortController();
      for await (const first of log.follow(
        channel,
        { kind: "since", timeMs: wish.sinceMs },
        looking.signal,
      )) {
        looking.abort();
        if (first.line >= this.#keeper.state.line) break;
        return { replayId: wish.id, position: positionIn(first, 0), line: undefined };
      }
    }
    this.#keeper.set({ replay: { id: wish.id } });
    return undefined;
  }

  // Delivers from `leg` on, until a parcel fails, the replay is done or the worker stops.
  async #follow(leg: Leg): Promise<void> {
    const { log, limits } = this.#parts;
    const backlog = new Backlog({
      log,
      channel: this.#drain.channel,
      from: { kind: "after", position: leg.position },
      bytesMax: limits.backlogBytesMax,
      signal: this.#stopping.signal,
    });
    try {
      const endLine = leg.replayId === undefined ? Number.POSITIVE_INFINITY : this.#keeper.state.line;
      while (await backlog.ready(this.#heldEndLine)) {
        const line = this.#nextLine(leg, backlog);
        if (line === undefined) continue;
        if (line >= endLine) return this.#endReplay(leg.replayId!);
        const cut = this.#cut(backlog.batches, line, endLine, leg);
        if (cut.parcel === undefined) this.#settle(leg, backlog, cut, 0, 0);
        else if (!(await this.#deliver(leg, backlog, cut, cut.parcel))) return;
        if (cut.endLine >= endLine && leg.line === endLine) return this.#endReplay(leg.replayId!);
      }
    } finally {
      await backlog.close();
    }
    // The log ended the reading by itself: its channel is being destroyed, or the log closed.
    if (!this.#stopping.signal.aborted) this.#backOff();
  }

  // The line to go on with, in the first batch; lines that retention took on the way are counted as lost.
  #nextLine(leg: Leg, backlog: Backlog): number | undefined {
    const first = backlog.batches[0]!;
    const { missing, repeated } = weigh(leg.line ?? lineAt(leg.position, first), first);
    if (repeated === first.count) {
      backlog.settle(first.line + first.count);
      return undefined;
    }
    if (missing > 0 && leg.replayId === undefined) this.#lose(missing, first);
    leg.line = first.line + repeated;
    if (this.#heldEndLine !== undefined && this.#heldEndLine <= leg.line) this.#heldEndLine = undefined;
    return leg.line;
  }

  #lose(missing: number, first: StoredBatch): void {
    const { deliveredAt, lost } = this.#keeper.state;
    const sinceMs = this.#settledAtMs ?? Date.parse(deliveredAt ?? this.#drain.createdAt);
    this.#commit({ position: positionIn(first, 0), line: first.line, lost: lost + missing });
    drainLines.inc({ outcome: "lost" }, missing);
    this.#parts.notices.lost(this.#drain, missing, sinceMs);
  }

  #cut(batches: readonly StoredBatch[], line: number, endLine: number, leg: Leg): Cut {
    const { limits, clock } = this.#parts;
    if (this.#split !== undefined && this.#split.untilMs <= clock.nowMs()) this.#split = undefined;
    const bounds = {
      linesMax: limits.parcelLinesMax,
      bytesMax: this.#split?.bytesMax ?? limits.parcelBytesMax,
      endLine: Math.min(endLine, this.#heldEndLine ?? endLine),
    };
    // A replay is meant to arrive again: its frame ids are not those of the first time.
    return cutParcel(batches, line, this.#filter, bounds, `${this.#drain.token} ${leg.replayId ?? ""}`);
  }

  // True when the parcel is settled or split and there is no reason to wait.
  async #deliver(leg: Leg, backlog: Backlog, cut: Cut, parcel: Parcel): Promise<boolean> {
    if (this.#keeper.state.phase === "idle") this.#keeper.set({ phase: "delivering" });
    const { clock } = this.#parts;
    const startedAtMs = clock.nowMs();
    const verdict = await this.#attempt(parcel);
    if (verdict === undefined) return false;
    drainDeliverySeconds.observe({ verdict: verdict.kind }, (clock.nowMs() - startedAtMs) / 1000);
    switch (verdict.kind) {
      case "delivered": {
        this.#failures = 0;
        this.#keeper.set({ deliveredAt: new Date(clock.nowMs()).toISOString() });
        drainLagSeconds.observe(Math.max(0, clock.nowMs() - cut.firstAcceptedAtMs) / 1000);
        const rejected = Math.min(verdict.rejected ?? 0, parcel.count);
        this.#settle(leg, backlog, cut, parcel.count - rejected, rejected);
        this.#sink?.turn.idle();
        return true;
      }
      case "split":
        if (parcel.count === 1) return this.#refuse(leg, backlog, cut, 1, verdict.reason);
        this.#heldEndLine = undefined;
        this.#split = {
          bytesMax: Math.ceil(cut.bytes / 2),
          untilMs: clock.nowMs() + this.#parts.limits.splitMsMax,
        };
        return true;
      case "refused":
        if (++this.#refusals >= this.#parts.limits.refusalsMax) {
          return this.#refuse(leg, backlog, cut, parcel.count, verdict.reason);
        }
        this.#heldEndLine = cut.endLine;
        this.#failed(verdict.reason);
        return false;
      case "retry":
        this.#heldEndLine = cut.endLine;
        this.#failed(verdict.reason, verdict.afterMs);
        if (verdict.certificate) this.#parts.notices.certificate(this.#drain, verdict.reason);
        return false;
    }
  }

  // Undefined when the worker is to end.
  async #attempt(parcel: Parcel): Promise<Verdict | undefined> {
    const { signal } = this.#aborting;
    try {
      this.#sink ??= await this.#openSink();
      if (this.#sink === undefined) return undefined;
      this.#sink.turn.busy();
      return await this.#sink.sink.deliver(parcel, signal);
    } catch (failure) {
      if (signal.aborted) return undefined;
      // The record asks for something that cannot be: its owner is told as of any other failure.
      if (failure instanceof AppError) return { kind: "retry", reason: failure.message };
      this.#parts.logger.error({ err: failure, drain: this.#drain.id }, "a drain's sink broke");
      return { kind: "retry", reason: "an internal error; the operator has to look into it" };
    }
  }

  async #openSink() {
    const { sockets, sinkFor } = this.#parts;
    const turn = await sockets.take(this.#failures > 0, () => this.#closeSink(), this.#stopping.signal);
    if (turn === undefined) return undefined;
    try {
      return { sink: sinkFor(this.#drain), turn };
    } catch (failure) {
      turn.release();
      throw failure;
    }
  }

  #closeSink(): void {
    const closing = this.#sink;
    this.#sink = undefined;
    if (closing === undefined) return;
    void closing.sink.close();
    closing.turn.release();
  }

  #refuse(leg: Leg, backlog: Backlog, cut: Cut, lines: number, reason: string): true {
    const { clock, notices } = this.#parts;
    this.#keeper.set({ lastError: { at: new Date(clock.nowMs()).toISOString(), message: reason } });
    notices.refused(this.#drain, lines, cut.firstAcceptedAtMs, reason);
    this.#failures = 0;
    this.#settle(leg, backlog, cut, 0, lines);
    return true;
  }

  // Passes the stretch of `cut`: each of its lines gets its place in the ledger.
  #settle(leg: Leg, backlog: Backlog, cut: Cut, delivered: number, refused: number): void {
    const { state } = this.#keeper;
    this.#heldEndLine = undefined;
    this.#refusals = 0;
    leg.line = cut.endLine;
    leg.position = cut.end;
    backlog.settle(cut.endLine);
    const phase = backlog.batches.length === 0 ? "idle" : "delivering";
    if (leg.replayId !== undefined) {
      const replay = { id: leg.replayId, position: cut.end };
      this.#keeper.set({ phase, replay, replayed: state.replayed + delivered });
      drainLines.inc({ outcome: "replayed" }, delivered);
      return;
    }
    this.#settledAtMs = cut.finalAcceptedAtMs;
    this.#commit({
      phase: this.#failures > 0 ? state.phase : phase,
      position: cut.end,
      line: cut.endLine,
      delivered: state.delivered + delivered,
      refused: state.refused + refused,
      filtered: state.filtered + cut.filtered,
    });
    drainLines.inc({ outcome: "delivered" }, delivered);
    drainLines.inc({ outcome: "refused" }, refused);
    drainLines.inc({ outcome: "filtered" }, cut.filtered);
  }

  #commit(changes: Partial<DrainState>): void {
    this.#keeper.set(changes);
    const { line, delivered, refused, lost, filtered } = this.#keeper.state;
    assert.equal(line - this.#drain.start.line, delivered + refused + lost + filtered, "the ledger adds up");
  }

  #endReplay(id: string): void {
    this.#keeper.set({ replay: { id } });
  }

  #failed(reason: string, afterMs = 0): void {
    this.#backOff();
    this.#waitMs = Math.max(this.#waitMs, afterMs);
    this.#closeSink();
    const lastError = { at: new Date(this.#parts.clock.nowMs()).toISOString(), message: reason };
    this.#keeper.set({ phase: "retrying", lastError });
  }

  #backOff(): void {
    const { limits, random } = this.#parts;
    this.#waitMs = retryDelayMs(limits.retry, this.#failures++, random()) ?? limits.retry.delayMsMax;
  }
}

// The channel's number of the line at `position`, of which the first batch read from there is known.
function lineAt(position: Position, first: StoredBatch): number {
  const at = readPosition(position);
  return at?.sequence === first.sequence ? first.line + at.lines : first.line;
}
