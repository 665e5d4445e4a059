/**
 * A sink over a protocol without answers, as its contract has it: the next parcel may follow at once, one is settled when
 * the connection stood for its quiet time, and a break takes with it what is not settled and some of what was settled
 * within the last second. Whatever else it was given arrives, in order.
 */
import assert from "node:assert";
import type { Clock, Parcel, Sink, Verdict } from "../../src/ports.ts";

export type SilentSinkOptions = {
  readonly clock: Clock;
  /** How long a connection has to stand for a parcel to be settled. */
  readonly quietMs: () => number;
  readonly onSend: (parcel: Parcel) => void;
  readonly onArrive: (parcel: Parcel) => void;
  /** The connection broke so soon that what was settled lately may not have arrived. */
  readonly onBreak: (reason: string) => void;
};

type Settled = { readonly parcel: Parcel; readonly atMs: number };

/** Settled so long ago it arrived, whatever becomes of the connection. */
const sureMs = 1_000;
const reset: Verdict = { kind: "retry", reason: "reset" };

export class SilentSink implements Sink {
  readonly #options: SilentSinkOptions;
  #settling: Promise<unknown> = Promise.resolve();
  readonly #recent: Settled[] = [];
  #unsettled = 0;
  #isBroken = false;
  #isClosed = false;

  constructor(options: SilentSinkOptions) {
    this.#options = options;
  }

  deliver(parcel: Parcel, signal: AbortSignal, onSent?: () => void): Promise<Verdict> {
    assert(!this.#isClosed, "a closed sink is not used");
    const settling = this.#deliver(parcel, signal, onSent, this.#settling);
    this.#settling = settling.catch(() => {});
    return settling;
  }

  /** Parcels that are not settled. */
  get unsettled(): number {
    return this.#unsettled;
  }

  /** Breaks. Of what was settled within the last second the share `lost` is lost. */
  break(lost = 1): void {
    if (this.#isBroken || this.#isClosed) return;
    this.#isBroken = true;
    this.#arrive();
    const arrived = this.#recent.length - Math.ceil(this.#recent.length * lost);
    const wasRecent = this.#recent.length > 0;
    for (const { parcel } of this.#recent.splice(0).slice(0, arrived)) this.#options.onArrive(parcel);
    if (wasRecent) this.#options.onBreak("reset");
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const { parcel } of this.#recent.splice(0)) this.#options.onArrive(parcel);
  }

  async #deliver(
    parcel: Parcel,
    signal: AbortSignal,
    onSent: (() => void) | undefined,
    before: Promise<unknown>,
  ): Promise<Verdict> {
    const { clock, quietMs, onSend } = this.#options;
    signal.throwIfAborted();
    if (this.#isBroken) return reset;
    this.#unsettled++;
    onSend(parcel);
    try {
      await Promise.resolve();
      if (!this.#isBroken) onSent?.();
      await clock.sleep(quietMs(), signal);
      await before;
      signal.throwIfAborted();
      if (this.#isBroken || this.#isClosed) return reset;
      this.#arrive();
      this.#recent.push({ parcel, atMs: clock.nowMs() });
      return { kind: "delivered" };
    } finally {
      this.#unsettled--;
    }
  }

  // What was settled so long ago is there.
  #arrive(): void {
    const sinceMs = this.#options.clock.nowMs() - sureMs;
    while (this.#recent.length > 0 && this.#recent[0]!.atMs < sinceMs)
      this.#options.onArrive(this.#recent.shift()!.parcel);
  }
}
