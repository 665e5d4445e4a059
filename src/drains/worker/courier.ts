/**
 * Makes parcels of lines at hand (what the filter keeps of them, cut, with what is to be taken out redacted), hands
 * them to the drain's sink, and tells what became of them.
 */
import assert from "node:assert";
import type { LineFilter } from "../../core/line-filter.ts";
import { drainDeliverySeconds, drainLagSeconds } from "../../metrics.ts";
import type { Patterns } from "../../patterns/patterns.ts";
import type { Clock, Parcel } from "../../ports.ts";
import type { DrainRecord } from "../../registry/records.ts";
import { turns } from "../../turns.ts";
import type { SinkSlot } from "../connections/sink-slot.ts";
import { DrainPatterns } from "../drain-patterns.ts";
import type { Effect, NewEvent } from "./delivery-types.ts";
import { type Cut, type CutRange, compact, cutParcel, hasOnlyNotices } from "./parcel.ts";
import type { ReadAhead, ReadAheadBudget } from "./read-ahead.ts";
import type { Takeover } from "./takeover.ts";

type CourierOptions = {
  readonly drain: DrainRecord;
  readonly filter: LineFilter | undefined;
  readonly patterns: Pick<Patterns, "selector" | "redactions">;
  readonly clock: Clock;
  readonly budget: ReadAheadBudget;
  readonly slot: SinkSlot;
  /** Present where nodes share the drains. */
  readonly takeover: Takeover | undefined;
  readonly tell: (event: NewEvent) => void;
  /** True while the parcel of that number is waited for. */
  readonly isInFlight: (number: number) => boolean;
};
type Prepare = Effect & { readonly kind: "prepare" };
type Ready = {
  readonly number: number;
  readonly parcel: Parcel;
  readonly cut: CutRange;
  readonly reading: ReadAhead;
};

export class Courier {
  readonly #options: CourierOptions;
  readonly #patterns: DrainPatterns;
  /** Ends what is under way. */
  readonly #ending = new AbortController();
  /** Made, and not sent yet. */
  #ready: Ready | undefined;

  constructor(options: CourierOptions) {
    const { drain, filter, patterns, clock, tell } = options;
    const onHeld = (reason: string) => tell({ kind: "held up", reason });
    const { signal } = this.#ending;
    this.#options = options;
    this.#patterns = new DrainPatterns(drain, filter, { patterns, clock, onHeld, signal });
  }

  /** Ends in `prepared`, unless nobody waits for it any more. `letGo` ends the reading. */
  async prepare(prepare: Prepare, reading: ReadAhead, letGo: () => void): Promise<void> {
    const { takeover, tell, isInFlight } = this.#options;
    const { number, isAlone, bounds } = prepare;
    const { filter } = this.#patterns;
    const known = filter?.known(reading.batches, bounds.isHeld ? bounds.endLine : 0);
    if (known !== undefined && (!(await this.#patterns.wait(known)) || !isInFlight(number))) return;
    const { parcel: whole, ...cut } = this.#cut(prepare, reading);
    if (whole === undefined) {
      if (turns.isOver) await turns.next(this.#options.drain.channel); // a filter that keeps nothing never waits for anybody
      return tell({ kind: "prepared", number, cut, outcome: "filtered" });
    }
    // A destination that may be dead for hours costs the parcel alone: nothing that waits for it holds a batch.
    const own = isAlone ? compact(whole) : whole;
    const isRepeatable = takeover === undefined || (await takeover.prepare(prepare, cut, reading.batches));
    if (!isInFlight(number)) return;
    if (!isRepeatable) return tell({ kind: "prepared", number, cut, outcome: "uncut" });
    if (isAlone) letGo();
    const redacted = this.#patterns.redacted(own);
    const parcel = redacted instanceof Promise ? await redacted : redacted;
    if (parcel === undefined || !isInFlight(number)) return;
    this.#ready = { number, parcel, cut, reading };
    tell({ kind: "prepared", number, cut, outcome: "ready" });
  }

  /** Sends the parcel that was prepared. Ends in `verdict`, unless it is abandoned. Times the attempt alone. */
  async send(number: number): Promise<void> {
    const { clock, budget, slot, tell } = this.#options;
    const ready = this.#ready;
    assert.equal(ready?.number, number, "what is sent was prepared");
    this.#ready = undefined;
    const { parcel, cut, reading } = ready!;
    const startedAtMs = clock.monotonicMs();
    let heldBytes = 0;
    const verdict = await slot.deliver(parcel, this.#ending.signal, () => {
      heldBytes = cut.bytes; // in memory until it is settled, as what is read ahead is
      budget.add(heldBytes);
      reading.forget(cut.endLine);
      tell({ kind: "sent", number });
    });
    budget.add(-heldBytes);
    if (verdict === undefined) return;
    drainDeliverySeconds.observe({ verdict: verdict.kind }, (clock.monotonicMs() - startedAtMs) / 1000);
    if (verdict.kind === "delivered")
      drainLagSeconds.observe(Math.max(0, clock.nowMs() - cut.firstAcceptedAtMs) / 1000);
    const isRefused = verdict.kind === "refused" || verdict.kind === "split" || "rejected" in verdict;
    tell({ kind: "verdict", number, verdict, isNotices: isRefused && hasOnlyNotices(parcel) });
  }

  /** Forgets what was prepared. */
  forget(): void {
    this.#ready = undefined;
  }

  /** Everything under way is given up, for good. */
  abandon(): void {
    this.#ending.abort();
  }

  #cut({ line, range, bounds }: Prepare, { batches }: ReadAhead): Cut {
    const { drain, takeover } = this.#options;
    // A replay is meant to arrive again: its parcel ids are not those of the first time.
    const name = `${drain.token} ${range.kind === "replay" ? range.id : ""}`;
    const limits = takeover?.bounded(bounds, range, batches) ?? bounds;
    return cutParcel(batches, line, this.#patterns.filter?.keptOf, limits, name);
  }
}
