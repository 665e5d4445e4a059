/**
 * Where a drain's next parcel ends: at the bounds, at what its receiver takes, and where it ended the last time when
 * it has to be sent again. Where nodes share the drains, whoever takes one over has to cut its parcels as they were:
 * each batch goes alone, or up to an end that was written before.
 */
import type { StoredBatch } from "../core/batch.ts";
import type { Kept } from "../core/line-filter.ts";
import type { Clock } from "../ports.ts";
import type { DrainRecord } from "../registry/records.ts";
import type { DrainFilter } from "./drain-filter.ts";
import type { Leg } from "./leg.ts";
import { type Cut, compact, cutParcel, type ParcelLimits } from "./parcel.ts";
import type { StateKeeper } from "./state-keeper.ts";

/** Bounds of the parcels of each drain. */
export type CutLimits = {
  readonly parcelLinesMax: number;
  readonly parcelBytesMax: number;
  /** The parcel of a drain that did not deliver yet since it was opened or since it failed. */
  readonly probeBytesMax: number;
  /** A destination that answered 413 gets smaller parcels for so long. */
  readonly splitMsMax: number;
  /** A state is written at most so long after it changed. */
  readonly commitMsMax: number;
};

export type ReceiverBounds = { readonly linesMax?: number; readonly bytesMax?: number };

type CutterParts = {
  readonly drain: DrainRecord;
  readonly filter: DrainFilter | undefined;
  /** What the drain's receiver takes in one parcel, when that is less than the limits. */
  readonly receiver: ReceiverBounds;
  readonly keeper: StateKeeper;
  readonly isShared: boolean;
  readonly limits: CutLimits;
  readonly clock: Clock;
};

/** A parcel that is sent again ends where it ended the first time. */
const unbounded = { linesMax: Number.MAX_SAFE_INTEGER, bytesMax: Number.MAX_SAFE_INTEGER };

/** Parcels are not made smaller than this for a destination that is slow. */
const slowBytesMin = 16 * 1024;

/** So much that waits is worth a write of the state, however short the last one is ago. */
const gatherBytes = 64 * 1024;

/** So many batches at most go alone, one by one, after the state was written last: the next node does the same. */
const aloneMax = 64;

/** Cuts the parcels of one drain, one after the other. */
export class Cutter {
  readonly #parts: CutterParts;
  /** The end of the parcel that has to be sent again as it was, under the same frame id. */
  #heldEndLine: number | undefined;
  /** When the end of a parcel of several batches was last written. */
  #announcedAtMs = Number.NEGATIVE_INFINITY;
  /** Ends of parcels of one batch; those after the line that was written last count. */
  #alone: number[] = [];
  /** Batches that the node before may have sent alone. */
  #inherited = aloneMax;
  /** Set when the end of a parcel could not be written. */
  #aloneUntilMs = Number.NEGATIVE_INFINITY;
  /** Set by a 413. */
  #split: { readonly bytesMax: number; readonly untilMs: number } | undefined;

  constructor(parts: CutterParts) {
    this.#parts = parts;
    const { line, parcelEnd = 0 } = parts.keeper.state;
    // What another node may have sent is sent again as it was.
    if (parcelEnd > line) this.#heldEndLine = parcelEnd;
  }

  /** The end of the parcel that has to be sent again. */
  get heldEndLine(): number | undefined {
    return this.#heldEndLine;
  }

  /**
   * Resolves when enough is known of what the filter keeps for the next cut: of the first batch, or of all up to the
   * end that a parcel had before. Undefined when it is known already; false: nobody looks at it any more.
   */
  ready(batches: readonly StoredBatch[]): Promise<boolean> | undefined {
    const { filter } = this.#parts;
    if (filter === undefined) return undefined;
    filter.lookAhead(batches);
    const endLine = this.#heldEndLine ?? 0;
    const needed = batches.filter((batch, n) => n === 0 || batch.line < endLine);
    const waits = needed.map((batch) => filter.kept(batch)).filter((kept) => kept instanceof Promise);
    if (waits.length === 0) return undefined;
    return Promise.all(waits).then((all) => all.every((kept) => kept !== undefined));
  }

  /** What goes out next, from `line` on, once it is `ready`. `proven`: the last attempt delivered. */
  cut(batches: readonly StoredBatch[], line: number, leg: Leg, proven: boolean): Cut {
    const { drain, filter } = this.#parts;
    // A replay is meant to arrive again: its frame ids are not those of the first time.
    const name = `${drain.token} ${typeof leg.again === "object" ? leg.again.replay : ""}`;
    const keptOf = filter && ((batch: StoredBatch) => known(filter.kept(batch)));
    const cut = cutParcel(batches, line, keptOf, this.#bounds(batches, leg, proven), name);
    // A destination that may be dead for hours costs the parcel alone: nothing that waits for it holds a batch.
    return proven ? cut : { ...cut, parcel: cut.parcel && compact(cut.parcel) };
  }

  /** Sees to it that whoever takes the drain over cuts the same; false when the parcel has to be cut anew. */
  async isRepeatable(cut: Cut, batches: readonly StoredBatch[], leg: Leg): Promise<boolean> {
    const { isShared, keeper } = this.#parts;
    if (!isShared || leg.again !== undefined) return true;
    if (cut.parcel === undefined || cut.endLine === this.#heldEndLine) return true;
    if (cut.endLine > endLineOf(batches[0]!)) return this.#announce(cut.endLine);
    this.#inherited = Math.max(0, this.#inherited - 1);
    this.#alone = this.#alone.filter((endLine) => endLine > keeper.storedLine);
    if (this.#alone.length >= aloneMax) {
      await keeper.setNow({});
      this.#alone = [];
    }
    this.#alone.push(cut.endLine);
    return true;
  }

  /** It was not taken, and is sent again as it was. */
  hold({ endLine }: Cut): void {
    this.#heldEndLine = endLine;
  }

  /** Lines before `line` are settled, or gone. */
  pass(line: number): void {
    if (this.#heldEndLine !== undefined && this.#heldEndLine <= line) this.#heldEndLine = undefined;
  }

  /** The log is another one: what was to be sent again is none of it. */
  reset(): void {
    this.#heldEndLine = undefined;
    this.#alone = [];
  }

  /** Whether a destination that is slow may be so for the parcel's size; small ones say more of the destination. */
  isDivisible({ bytes, parcel }: Cut): boolean {
    return parcel !== undefined && parcel.count > 1 && bytes > slowBytesMin;
  }

  /** It was too large: it is sent in parts, and what follows comes in such parts for a while. */
  halve({ bytes }: Cut): void {
    const { isShared, keeper, clock, limits } = this.#parts;
    this.#heldEndLine = undefined;
    if (isShared) keeper.set({ parcelEnd: 0 });
    this.#split = { bytesMax: Math.ceil(bytes / 2), untilMs: clock.monotonicMs() + limits.splitMsMax };
  }

  #bounds(batches: readonly StoredBatch[], leg: Leg, proven: boolean): ParcelLimits {
    const held = this.#heldEndLine;
    if (held !== undefined && held <= leg.endLine) return { ...unbounded, endLine: held };
    const { limits, clock, receiver } = this.#parts;
    const endLine = this.#mayGather(batches, leg) ? leg.endLine : endLineOf(batches[0]!);
    if (this.#split !== undefined && this.#split.untilMs <= clock.monotonicMs()) this.#split = undefined;
    return {
      linesMax: Math.min(receiver.linesMax ?? limits.parcelLinesMax, limits.parcelLinesMax),
      bytesMax: Math.min(
        proven ? limits.parcelBytesMax : limits.probeBytesMax,
        receiver.bytesMax ?? limits.parcelBytesMax,
        this.#split?.bytesMax ?? limits.parcelBytesMax,
      ),
      endLine,
    };
  }

  // Writes of ends are few: one in `commitMsMax`, or in `gatherBytes`.
  #mayGather(batches: readonly StoredBatch[], leg: Leg): boolean {
    const { isShared, clock, limits } = this.#parts;
    if (!isShared || leg.again !== undefined) return true;
    if (this.#inherited > 0 || clock.monotonicMs() < this.#aloneUntilMs) return false;
    if (clock.monotonicMs() - this.#announcedAtMs >= limits.commitMsMax) return true;
    let bytes = 0;
    return batches.some((batch) => (bytes += batch.bytes.length) >= gatherBytes);
  }

  async #announce(endLine: number): Promise<boolean> {
    const { clock, limits, keeper } = this.#parts;
    this.#announcedAtMs = clock.monotonicMs();
    if (await keeper.setNow({ parcelEnd: endLine })) return true;
    this.#aloneUntilMs = clock.monotonicMs() + limits.commitMsMax;
    keeper.set({ parcelEnd: 0 });
    return false;
  }
}

const known = (kept: Kept | Promise<Kept | undefined>): Kept | undefined =>
  kept instanceof Promise ? undefined : kept;

const endLineOf = ({ line, count }: StoredBatch): number => line + count;
