/**
 * A node that takes over a drain must cut its parcels at the same places as the node before: destinations recognise a
 * repeat by the parcel id, which follows from its lines. So each batch goes alone, or a parcel of several batches ends
 * at a line that was written to the checkpoint before the parcel was sent.
 */
import type { StoredBatch } from "../../../core/batch/batch.ts";
import type { Clock } from "../../../ports.ts";
import type { DeliveryRange } from "../machine/ranges.ts";
import type { CutRange, ParcelLimits } from "../parcel.ts";
import type { Checkpoint } from "./checkpoint.ts";

type TakeoverOptions = {
  readonly checkpoint: Pick<Checkpoint, "latest" | "storedLine" | "spanOf" | "setNow">;
  readonly clock: Clock;
  readonly commitMsMax: number;
};

type Bounds = ParcelLimits & { readonly isHeld: boolean };
type Bounded = { readonly range: DeliveryRange; readonly bounds: Bounds };

/** This many waiting bytes are worth a write of the checkpoint, however recent the last one is. */
const gatherBytes = 64 * 1024;
/**
 * At most this many batches go alone, one by one, after the last write of the checkpoint: the next node does the same.
 */
const aloneMax = 64;

/** Makes sure that the next node sends the same parcels. */
export class Takeover {
  readonly #options: TakeoverOptions;
  #parcelEnd: number;
  /** The span of time in which the end of a parcel of several batches was last written. */
  #announcedIn = Number.NEGATIVE_INFINITY;
  /** Ends of parcels of one batch. Only those after the line that was written last count. */
  #alone: number[] = [];
  /** The number of batches that the previous node may have sent alone. */
  #inherited = aloneMax;
  /** Set when the end of a parcel could not be written. */
  #aloneUntilMs = Number.NEGATIVE_INFINITY;

  constructor(options: TakeoverOptions) {
    this.#options = options;
    this.#parcelEnd = options.checkpoint.latest.parcelEnd ?? 0;
  }

  /** The end that must be in every checkpoint from now on. */
  get parcelEnd(): number {
    return this.#parcelEnd;
  }

  /** The parcel that ends before `endLine` will be sent again unchanged. */
  hold(endLine: number): void {
    this.#parcelEnd = endLine;
  }

  /** The parcel is sent in parts, which the next node has to find out for itself. */
  unhold(): void {
    this.#parcelEnd = 0;
  }

  /** The bounds of a parcel of `range` that the next node would cut the same way. */
  bounded(bounds: Bounds, range: DeliveryRange, batches: readonly StoredBatch[]): ParcelLimits {
    if (range.kind !== "live" || bounds.isHeld || this.#mayGather(batches)) return bounds;
    return { ...bounds, endLine: Math.min(bounds.endLine, endLineOf(batches[0]!)) };
  }

  /**
   * True when `cut` may be sent; false when its end could not be written, so that it must be cut anew. A promise if
   * something must be written first.
   */
  prepare(
    { range, bounds }: Bounded,
    cut: CutRange,
    batches: readonly StoredBatch[],
  ): boolean | Promise<boolean> {
    if (range.kind !== "live" || bounds.isHeld) return true;
    if (cut.endLine > endLineOf(batches[0]!)) return this.#announce(cut.endLine);
    const { checkpoint } = this.#options;
    this.#inherited = Math.max(0, this.#inherited - 1);
    while (this.#alone.length > 0 && this.#alone[0]! <= checkpoint.storedLine) this.#alone.shift();
    if (this.#alone.length < aloneMax) {
      this.#alone.push(cut.endLine);
      return true;
    }
    return this.#write().then(() => {
      this.#alone = [cut.endLine];
      return true;
    });
  }

  // Writes of ends are few: one per span, which begins for all drains of a record at once, or one per `gatherBytes`.
  #mayGather(batches: readonly StoredBatch[]): boolean {
    const { clock, checkpoint } = this.#options;
    if (this.#inherited > 0 || clock.monotonicMs() < this.#aloneUntilMs) return false;
    if (checkpoint.spanOf(clock.monotonicMs()) > this.#announcedIn) return true;
    let bytes = 0;
    return batches.some((batch) => (bytes += batch.bytes.length) >= gatherBytes);
  }

  async #announce(endLine: number): Promise<boolean> {
    const { clock, checkpoint, commitMsMax } = this.#options;
    this.#announcedIn = checkpoint.spanOf(clock.monotonicMs());
    this.#parcelEnd = endLine;
    if (await this.#write()) return true;
    this.#aloneUntilMs = clock.monotonicMs() + commitMsMax;
    this.#parcelEnd = 0;
    return false;
  }

  #write(): Promise<boolean> {
    const { checkpoint } = this.#options;
    return checkpoint.setNow({ ...checkpoint.latest, parcelEnd: this.#parcelEnd });
  }
}

const endLineOf = ({ line, count }: StoredBatch): number => line + count;
