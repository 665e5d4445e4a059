/** A drain's slot, and the sink that exists only while it has one. */
import type { Logger } from "pino";
import { AppError } from "../../errors/app-error.ts";
import type { Parcel, Sink, Verdict } from "../../ports.ts";
import type { DrainRecord } from "../../registry/records.ts";
import type { ConnectionSlots, Queue, Slot, SlotHolder, Waiter } from "./slots.ts";

/** Callbacks between deliveries. */
export type SinkHooks = {
  /** The connection broke so soon that recent deliveries may not have arrived. */
  readonly onBreak?: (reason: string) => void;
};

export type SinkSlotParts = {
  readonly sinkFor: (drain: DrainRecord, hooks: SinkHooks) => Sink;
  readonly slots: ConnectionSlots;
  readonly logger: Pick<Logger, "error" | "warn">;
};

type SinkSlotHooks = Required<SinkHooks> & {
  readonly onGranted: () => void;
  /** Others wait for the slot, or it has been idle for long: the drain should release it. */
  readonly onWanted: () => void;
};

/** Makes the sink for the first parcel, and closes it with the slot. */
export class SinkSlot implements SlotHolder {
  readonly #drain: DrainRecord;
  readonly #parts: SinkSlotParts;
  readonly #hooks: SinkSlotHooks;
  #waiter: Waiter | undefined;
  #slot: Slot | undefined;
  #sink: Sink | undefined;
  /** Resolves when all sinks that are being closed are closed. */
  #closing: Promise<unknown> = Promise.resolve();

  constructor(drain: DrainRecord, parts: SinkSlotParts, hooks: SinkSlotHooks) {
    this.#drain = drain;
    this.#parts = parts;
    this.#hooks = hooks;
  }

  /** Waits for a slot; then `onGranted` is called. */
  take(queue: Queue): void {
    this.#waiter = this.#parts.slots.wait(queue, this);
  }

  granted(slot: Slot): void {
    this.#slot = slot;
    this.#hooks.onGranted();
  }

  giveBack(): void {
    this.#hooks.onWanted();
  }

  /** Delivers over its slot and calls `tell` with the verdict, or with none when `signal` is aborted. */
  deliver(
    parcel: Parcel,
    signal: AbortSignal,
    onSent: () => void,
    tell: (verdict: Verdict | undefined) => void,
  ): Promise<void> {
    this.#slot?.busy();
    const failed = (failure: unknown) => tell(signal.aborted ? undefined : this.#verdictOn(failure));
    try {
      this.#sink ??= this.#parts.sinkFor(this.#drain, this.#hooks);
      return this.#sink.deliver(parcel, signal, onSent).then(tell, failed);
    } catch (failure) {
      return Promise.resolve(failure).then(failed);
    }
  }

  #verdictOn(failure: unknown): Verdict {
    // The record asks for the impossible: its owner is told, as of any other failure.
    if (failure instanceof AppError) return { kind: "retry", reason: failure.message };
    this.#parts.logger.error({ err: failure, drain: this.#drain.id }, "a drain's sink broke");
    return { kind: "retry", reason: "an internal error; the operator has to look into it" };
  }

  /** Gives up what is under way, which the receiver has not taken for `ms`. */
  giveUp(ms: number): void {
    this.#sink?.giveUp(ms);
  }

  /** Nothing is under way: others may ask for the slot. */
  rest(): void {
    this.#slot?.idle();
  }

  /** Keeps the slot, but the next parcel goes over a fresh connection. */
  renew(): void {
    if (this.#sink !== undefined) this.#closing = Promise.all([this.#closing, this.#sink.close()]);
    this.#sink = undefined;
  }

  /** Gives the slot back at once, or stops waiting for one; resolves when every connection is closed. Idempotent. */
  async release(): Promise<void> {
    this.#waiter?.leave();
    this.#waiter = undefined;
    this.renew();
    const slot = this.#slot;
    this.#slot = undefined;
    slot?.release();
    await this.#closing;
  }
}
