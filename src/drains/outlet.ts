/** A drain's way out: its sink, which exists only while the drain has a turn at a connection. */
import type { Logger } from "pino";
import { AppError } from "../errors.ts";
import type { Parcel, Sink, Verdict } from "../ports.ts";
import type { DrainRecord } from "../registry/records.ts";
import type { Holder, Sockets, Turn } from "./sockets.ts";

/** What a sink tells between deliveries. */
export type SinkHooks = {
  /** The connection broke so soon that what was delivered in the last second before it may not have arrived. */
  readonly onDoubt?: (reason: string) => void;
};

export type OutletParts = {
  readonly sinkFor: (drain: DrainRecord, hooks: SinkHooks) => Sink;
  readonly sockets: Sockets;
  readonly logger: Pick<Logger, "error">;
};

/** Opens the sink when there is a parcel, and closes it when the turn is wanted by others. */
export class Outlet implements Holder {
  readonly #drain: DrainRecord;
  readonly #parts: OutletParts;
  readonly #hooks: SinkHooks;
  #turn: Turn | undefined;
  #sink: Sink | undefined;
  /** Ends with the sinks that are being closed. */
  #closing: Promise<unknown> = Promise.resolve();

  constructor(drain: DrainRecord, parts: OutletParts, hooks: SinkHooks) {
    this.#drain = drain;
    this.#parts = parts;
    this.#hooks = hooks;
  }

  /**
   * Waits for a turn where it has none; false when `stopping` is aborted first. `failing` says that the last attempt
   * failed: such drains wait for one another.
   */
  take(failing: boolean, stopping: AbortSignal): Promise<boolean> {
    if (this.#turn !== undefined) return Promise.resolve(true);
    return this.#parts.sockets.take(failing ? "failing" : "well", this, stopping);
  }

  granted(turn: Turn): void {
    this.#turn = turn;
  }

  giveBack(): void {
    void this.close();
  }

  /** Takes a turn and delivers; undefined when `stopping` is aborted before it began or `aborting` in its midst. */
  async deliver(
    parcel: Parcel,
    failing: boolean,
    stopping: AbortSignal,
    aborting: AbortSignal,
  ): Promise<Verdict | undefined> {
    // No wait between a turn that is idle and its being busy: it might be asked for.
    if (this.#turn === undefined && !(await this.take(failing, stopping))) return undefined;
    this.#turn!.busy();
    try {
      this.#sink ??= this.#parts.sinkFor(this.#drain, this.#hooks);
      return await this.#sink.deliver(parcel, aborting);
    } catch (failure) {
      if (aborting.aborted) return undefined;
      // The record asks for something that cannot be: its owner is told as of any other failure.
      if (failure instanceof AppError) return { kind: "retry", reason: failure.message };
      this.#parts.logger.error({ err: failure, drain: this.#drain.id }, "a drain's sink broke");
      return { kind: "retry", reason: "an internal error; the operator has to look into it" };
    }
  }

  /** Nothing is under way: the turn may be asked for. */
  rest(): void {
    this.#turn?.idle();
  }

  /** Gives the turn back at once; resolves when every connection is closed. Idempotent. */
  async close(): Promise<void> {
    const turn = this.#turn;
    if (this.#sink !== undefined) this.#closing = Promise.all([this.#closing, this.#sink.close()]);
    this.#sink = undefined;
    this.#turn = undefined;
    turn?.release();
    await this.#closing;
  }
}
