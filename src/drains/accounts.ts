/**
 * One drain's accounts: each line of its channel gets its place in the ledger, and what its owner has to know of it is
 * told. Invariant: `line - start = delivered + refused + lost + filtered` at every put of the state.
 */
import assert from "node:assert";
import { positionIn, type StoredBatch } from "../core/batch.ts";
import type { Position } from "../core/position.ts";
import { rateAfter } from "../core/rate.ts";
import { drainLines } from "../metrics.ts";
import type { Clock } from "../ports.ts";
import type { DrainRecord, DrainState } from "../registry/records.ts";
import { type Leg, progressOf } from "./leg.ts";
import type { DrainNotices } from "./notices.ts";
import { type Cut, hasOnlyNotices } from "./parcel.ts";
import { RecentStretch, unionOf } from "./recent-stretch.ts";
import type { StateKeeper } from "./state-keeper.ts";

type AccountsParts = {
  readonly notices: Pick<DrainNotices, "lost" | "refused" | "expiring">;
  readonly clock: Clock;
};

/** Between two notices of a certificate that ends soon. */
const expiryNoticeMs = 86_400_000;

export class Accounts {
  readonly #drain: DrainRecord;
  readonly #keeper: StateKeeper;
  readonly #parts: AccountsParts;
  readonly #recent = new RecentStretch();
  /** When the last settled line was accepted: the best "since" of lines that are gone. */
  #settledAtMs: number | undefined;

  constructor(drain: DrainRecord, keeper: StateKeeper, parts: AccountsParts) {
    this.#drain = drain;
    this.#keeper = keeper;
    this.#parts = parts;
  }

  /** Passes the stretch of `cut`: each of its lines gets its place, and `leg` goes on behind it. */
  settle(leg: Leg, cut: Cut, delivered: number, refused: number, phase: DrainState["phase"]): void {
    const { state } = this.#keeper;
    if (delivered > 0) {
      const { position, line, again } = leg;
      const counted = typeof again === "object" ? 0 : delivered;
      this.#recent.note(
        { position, line: line!, endLine: cut.endLine, counted },
        this.#parts.clock.monotonicMs(),
      );
    }
    leg.counted = Math.max(0, leg.counted - delivered);
    leg.line = cut.endLine;
    leg.position = cut.end;
    const rate = delivered > 0 ? rateAfter(state.rate, delivered, this.#parts.clock.nowMs()) : state.rate;
    if (leg.again !== undefined) {
      const progress = progressOf(leg, cut.endLine >= leg.endLine ? undefined : cut.end);
      this.#keeper.set({ ...(rate && { rate }), phase, ...progress, replayed: state.replayed + delivered });
      drainLines.inc({ outcome: "replayed" }, delivered);
      return;
    }
    this.#settledAtMs = cut.finalAcceptedAtMs;
    this.#commit({
      ...(rate && { rate }),
      phase,
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

  /** What was delivered last may not have arrived: it is to be sent again. False when there is nothing of the kind. */
  doubt(): boolean {
    const recent = this.#recent.take();
    if (recent === undefined) return false;
    this.#keeper.set({ doubt: unionOf(recent, this.#keeper.state.doubt) });
    return true;
  }

  /**
   * The channel's log is another one than before, and `oldest` its oldest batch: the drain goes on there. What it did stays
   * in the ledger, which counts on from here.
   */
  beginAgain(oldest: StoredBatch): void {
    const { delivered, refused, lost, filtered } = this.#keeper.state;
    this.#recent.take();
    const at = new Date(this.#parts.clock.nowMs()).toISOString();
    const message =
      "the app's log is not the one that was read before (another server, or a restored backup): the drain went on with its oldest line";
    this.#commit({
      position: positionIn(oldest, 0),
      line: oldest.line,
      startLine: oldest.line - (delivered + refused + lost + filtered),
      doubt: undefined,
      parcelEnd: 0,
      lastError: { at, message },
    });
  }

  /** Retention took `missing` lines; the next one there is is `line`, at `position`. */
  lose(missing: number, position: Position, line: number): void {
    const { deliveredAt, lost } = this.#keeper.state;
    const sinceMs = this.#settledAtMs ?? Date.parse(deliveredAt ?? this.#drain.createdAt);
    this.#commit({ position, line, lost: lost + missing });
    this.#recent.take(); // what lies before them is gone as well: there is nothing to go back to
    drainLines.inc({ outcome: "lost" }, missing);
    this.#parts.notices.lost(this.#drain, missing, sinceMs);
  }

  /**
   * Delivered, nobody knows whether they arrived, and gone from the log: they are not called delivered any more.
   * `position`: that of what is left of them.
   */
  loseDoubtful(leg: Leg, lines: number, position?: Position): void {
    const { delivered, lost } = this.#keeper.state;
    const missing = Math.min(lines, leg.counted, delivered);
    leg.counted -= missing;
    leg.line! += lines;
    const left = leg.line! < leg.endLine ? position : undefined;
    this.#commit({ ...progressOf(leg, left), delivered: delivered - missing, lost: lost + missing });
    if (missing === 0) return;
    drainLines.inc({ outcome: "lost" }, missing);
    this.#parts.notices.lost(this.#drain, missing, this.#settledAtMs ?? Date.parse(this.#drain.createdAt));
  }

  /** The destination does not take them: the owner is told, unless it is that alone which was refused. */
  tellRefused(cut: Cut, lines: number, reason: string): void {
    const { clock, notices } = this.#parts;
    this.#keeper.set({ lastError: { at: new Date(clock.nowMs()).toISOString(), message: reason } });
    // A notice that is refused, as the lines before it were, would be told by the next one, for ever.
    if (cut.parcel !== undefined && hasOnlyNotices(cut.parcel)) return;
    notices.refused(this.#drain, lines, cut.firstAcceptedAtMs, reason);
  }

  /** Told once a day, whatever restarts between. */
  tellExpiring(reason: string): void {
    const nowMs = this.#parts.clock.nowMs();
    if (nowMs - (this.#keeper.state.expiryToldAtMs ?? Number.NEGATIVE_INFINITY) < expiryNoticeMs) return;
    this.#keeper.set({ expiryToldAtMs: nowMs });
    this.#parts.notices.expiring(this.#drain, reason);
  }

  #commit(changes: Partial<DrainState>): void {
    const { line, startLine, delivered, refused, lost, filtered } = { ...this.#keeper.state, ...changes };
    assert.equal(
      line - (startLine ?? this.#drain.start.line),
      delivered + refused + lost + filtered,
      "the ledger adds up",
    );
    this.#keeper.set(changes);
  }
}
