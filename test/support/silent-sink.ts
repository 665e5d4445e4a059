/**
 * A sink over a protocol without answers, as its contract has it: the next parcel may follow at once, one is settled when
 * the connection stood for its quiet time, and a break takes with it the last of what is not settled or was settled
 * within the last second. Whatever else it was given arrives, in order.
 */
import assert from "node:assert";
import { compact } from "../../src/drains/worker/parcel.ts";
import type { Clock, Parcel, Sink, Verdict } from "../../src/ports.ts";

type SilentSinkOptions = {
  readonly clock: Clock;
  /** How long a connection has to stand for a parcel to be settled. */
  readonly quietMs: () => number;
  readonly onSend: (parcel: Parcel) => void;
  readonly onArrive: (parcel: Parcel, isSettled: boolean) => void;
  /** The connection broke so soon that what was settled lately may not have arrived; `lost` did not. */
  readonly onBreak: (reason: string, lost: readonly Parcel[]) => void;
};

type Sent = { readonly parcel: Parcel; settledAtMs: number | undefined };

/** Settled so long ago it arrived, whatever becomes of the connection. */
const sureMs = 1_000;
const reset: Verdict = { kind: "retry", reason: "reset" };

export class SilentSink implements Sink {
  readonly #options: SilentSinkOptions;
  #settling: Promise<unknown> = Promise.resolve();
  /** Nobody knows yet whether it arrived; oldest first. */
  readonly #underWay: Sent[] = [];
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

  get isOpen(): boolean {
    return !this.#isBroken && !this.#isClosed;
  }

  /** Breaks. Of what is under way the share `lost` is lost, the last of it. */
  break(lost = 1): void {
    if (!this.isOpen) return;
    this.#isBroken = true;
    this.#sure();
    const underWay = this.#underWay.splice(0);
    const arrived = underWay.length - Math.ceil(underWay.length * lost);
    for (const sent of underWay.slice(0, arrived)) this.#arrive(sent);
    const gone = underWay.slice(arrived).filter(isSettled);
    if (underWay.some(isSettled))
      this.#options.onBreak(
        "reset",
        gone.map(({ parcel }) => parcel),
      );
  }

  /** All that is under way arrives. */
  arrive(): void {
    for (const sent of this.#underWay.splice(0)) this.#arrive(sent);
  }

  giveUp(): void {
    this.break();
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.arrive();
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
    const sent: Sent = { parcel: compact(parcel), settledAtMs: undefined }; // as bytes of a socket
    this.#underWay.push(sent);
    onSend(parcel);
    try {
      await Promise.resolve();
      if (!this.#isBroken) onSent?.();
      await clock.sleep(quietMs(), signal);
      await before;
      signal.throwIfAborted();
      if (!this.isOpen) return reset;
      this.#sure();
      sent.settledAtMs = clock.monotonicMs();
      return { kind: "delivered" };
    } finally {
      this.#unsettled--;
    }
  }

  // What was settled so long ago is there.
  #sure(): void {
    const sinceMs = this.#options.clock.monotonicMs() - sureMs;
    while ((this.#underWay[0]?.settledAtMs ?? Number.POSITIVE_INFINITY) < sinceMs)
      this.#arrive(this.#underWay.shift()!);
  }

  #arrive(sent: Sent): void {
    this.#options.onArrive(sent.parcel, isSettled(sent));
  }
}

const isSettled = ({ settledAtMs }: Sent): boolean => settledAtMs !== undefined;
