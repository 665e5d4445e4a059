/**
 * Makes parcels of the lines at hand (filtered, cut, redacted), hands them to the drain's sink, and reports the
 * outcome.
 */
import assert from "node:assert";
import type { StoredBatch } from "../../core/batch/batch.ts";
import type { BatchMemory } from "../../core/batch/batch-memory.ts";
import type { LineFilter } from "../../core/filter/line-filter.ts";
import { drainDeliverySeconds, drainLagSeconds } from "../../metrics.ts";
import type { Patterns } from "../../patterns/patterns.ts";
import type { Clock, Parcel, Verdict } from "../../ports.ts";
import type { DrainRecord } from "../../registry/records.ts";
import { turns } from "../../turns.ts";
import type { SinkSlot } from "../connections/sink-slot.ts";
import type { DrainFilter } from "../drain-filter.ts";
import { DrainPatterns } from "../drain-patterns.ts";
import type { Takeover } from "./checkpoint/takeover.ts";
import type { Effect, NewEvent } from "./machine/delivery-types.ts";
import { hasOnlyNotices } from "./only-notices.ts";
import { type Cut, type CutRange, compact, cutParcel } from "./parcel.ts";
import type { ReadAhead } from "./read-ahead.ts";

type CourierOptions = {
  readonly drain: DrainRecord;
  readonly filter: LineFilter | undefined;
  readonly patterns: Pick<Patterns, "selector" | "redactions">;
  readonly clock: Clock;
  readonly slot: SinkSlot;
  /** Present where nodes share the drains. */
  readonly takeover: Takeover | undefined;
  readonly tell: (event: NewEvent) => void;
  /** True while the parcel with that number is awaited. */
  readonly isInFlight: (number: number) => boolean;
};
type Prepare = Effect & { readonly kind: "prepare" };
/** A parcel on its way, its place in the channel, and the memory that it lies in. */
type Made = {
  readonly parcel: Parcel;
  readonly cut: CutRange;
  readonly memory: readonly BatchMemory[];
};
/** `parcel`: absent if the filter kept no line. */
type MaybeMade = Omit<Made, "parcel"> & Pick<Cut, "parcel">;
type Ready = Made & { readonly number: number; readonly reading: ReadAhead };

export class Courier {
  readonly #options: CourierOptions;
  readonly #patterns: DrainPatterns;
  /**
   * Ends what is under way. Created with the first parcel, because a signal takes most of a kilobyte and most drains
   * are idle.
   */
  #ending: AbortController | undefined;
  #isAbandoned = false;
  /** Prepared, and not sent yet. */
  #ready: Ready | undefined;

  constructor(options: CourierOptions) {
    const { drain, filter, patterns, clock, tell } = options;
    const onHeld = (reason: string) => tell({ kind: "held up", reason });
    this.#options = options;
    this.#patterns = new DrainPatterns(drain, filter, {
      patterns,
      clock,
      onHeld,
      signal: () => this.#signal,
    });
  }

  /**
   * Ends in `prepared`, unless nobody waits for it any more; synchronously if there is nothing to wait for. `letGo`
   * ends the reading.
   */
  prepare(prepare: Prepare, reading: ReadAhead, letGo: () => void): Promise<void> | undefined {
    const { filter } = this.#patterns;
    if (filter !== undefined) return this.#prepareFiltered(filter, prepare, reading, letGo);
    const made = this.#cut(prepare, reading);
    assert(isParcel(made), "without a filter there is a line");
    return this.#repeatable(prepare, made, reading, letGo);
  }

  async #prepareFiltered(
    filter: DrainFilter,
    prepare: Prepare,
    reading: ReadAhead,
    letGo: () => void,
  ): Promise<void> {
    const { tell, isInFlight } = this.#options;
    const { number, bounds } = prepare;
    const known = filter.known(reading.batches, bounds.isHeld ? bounds.endLine : 0);
    if (known !== undefined && (!(await this.#patterns.wait(known)) || !isInFlight(number))) return;
    const made = this.#cut(prepare, reading);
    if (isParcel(made)) return this.#repeatable(prepare, made, reading, letGo);
    if (turns.isOver) await turns.next(this.#options.drain.channel); // a filter that keeps nothing would never wait for anything
    tell({ kind: "prepared", number, cut: made.cut, outcome: "filtered" });
  }

  #repeatable(
    prepare: Prepare,
    made: Made,
    reading: ReadAhead,
    letGo: () => void,
  ): Promise<void> | undefined {
    const { takeover, tell, isInFlight } = this.#options;
    const { number } = prepare;
    const { cut } = made;
    const isRepeatable = takeover?.prepare(prepare, cut, reading.batches) ?? true;
    if (isRepeatable === true) return this.#finish(prepare, made, reading, letGo);
    return Promise.resolve(isRepeatable).then((isSo) => {
      if (!isInFlight(number)) return undefined;
      if (isSo) return this.#finish(prepare, made, reading, letGo);
      return tell({ kind: "prepared", number, cut, outcome: "uncut" });
    });
  }

  #finish(
    { number, isAlone }: Prepare,
    made: Made,
    reading: ReadAhead,
    letGo: () => void,
  ): Promise<void> | undefined {
    // A destination that may be down for hours must cost no more than the parcel: no batch is held for it.
    const own = isAlone ? compact(made.parcel) : made.parcel;
    if (isAlone) letGo();
    const redacted = this.#patterns.redacted(own);
    if (redacted instanceof Promise)
      return redacted.then((parcel) => this.#hand(number, parcel, made, reading));
    this.#hand(number, redacted, made, reading);
    return undefined;
  }

  #hand(number: number, parcel: Parcel | undefined, { cut, memory }: Made, reading: ReadAhead): void {
    const { tell, isInFlight } = this.#options;
    if (parcel === undefined || !isInFlight(number)) return;
    this.#ready = { number, parcel, cut, memory, reading };
    tell({ kind: "prepared", number, cut, outcome: "ready" });
  }

  /** Sends the prepared parcel. Ends in `verdict`, unless it is abandoned. Measures only the attempt. */
  send(number: number): Promise<void> {
    const { clock, slot, tell } = this.#options;
    const ready = this.#ready;
    assert.equal(ready?.number, number, "what is sent was prepared");
    this.#ready = undefined;
    const { cut, reading } = ready!;
    const { firstAcceptedAtMs, endLine } = cut;
    const startedAtMs = clock.monotonicMs();
    let unsent: Ready | undefined = ready;
    // Lines on their way are never sent again from here, so their memory need not be kept until they are settled.
    const onSent = () => {
      if (unsent !== undefined) release(unsent.memory);
      unsent = undefined;
      reading.forget(endLine);
      tell({ kind: "sent", number });
    };
    const onVerdict = (verdict: Verdict | undefined) => {
      if (verdict === undefined) return;
      drainDeliverySeconds.of[verdict.kind].observe((clock.monotonicMs() - startedAtMs) / 1000);
      if (verdict.kind === "delivered")
        drainLagSeconds.of[""].observe(Math.max(0, clock.nowMs() - firstAcceptedAtMs) / 1000);
      this.#settled(number, verdict, unsent?.parcel);
      if (verdict.kind === "delivered" && unsent !== undefined) release(unsent.memory); // otherwise it may still be read
    };
    return slot.deliver(ready!.parcel, this.#signal, onSent, onVerdict);
  }

  // `parcel`: absent if it was on its way before it was answered, in which case nobody refuses it.
  #settled(number: number, verdict: Verdict, parcel: Parcel | undefined): void {
    const isRefused = verdict.kind === "refused" || verdict.kind === "split" || "rejected" in verdict;
    const isNotices = isRefused && parcel !== undefined && hasOnlyNotices(parcel);
    this.#options.tell({ kind: "verdict", number, verdict, isNotices });
  }

  /** Drops what was prepared. */
  forget(): void {
    this.#ready = undefined;
  }

  /** Gives up everything under way, for good. */
  abandon(): void {
    this.#isAbandoned = true;
    this.#ending?.abort();
  }

  get #signal(): AbortSignal {
    this.#ending ??= new AbortController();
    if (this.#isAbandoned) this.#ending.abort();
    return this.#ending.signal;
  }

  #cut({ line, range, bounds }: Prepare, { batches }: ReadAhead): MaybeMade {
    const { drain, takeover } = this.#options;
    // The parcels of a replay must not look like repeats, so their ids differ from those of the first time.
    const name = `${drain.token} ${range.kind === "replay" ? range.id : ""}`;
    const limits = takeover?.bounded(bounds, range, batches) ?? bounds;
    const { parcel, cut } = cutParcel(batches, line, this.#patterns.filter?.keptOf, limits, name);
    return { parcel, cut, memory: parcel === undefined ? [] : heldMemory(batches, line, cut.endLine) };
  }
}

const isParcel = (made: MaybeMade): made is Made => made.parcel !== undefined;

function release(memory: readonly BatchMemory[]): void {
  for (const one of memory) one.release();
}

/** Takes a hold on the memory of each batch with lines from `line` to `endLine`. */
function heldMemory(batches: readonly StoredBatch[], line: number, endLine: number): readonly BatchMemory[] {
  const memory: BatchMemory[] = [];
  for (const batch of batches) {
    if (batch.line >= endLine) break;
    if (batch.memory === undefined || batch.line + batch.count <= line) continue;
    batch.memory.hold();
    memory.push(batch.memory);
  }
  return memory;
}
