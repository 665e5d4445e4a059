/** A drain's way out: its sink, which exists only while the drain has a turn at a connection. */
import type { Logger } from "pino";
import { AppError } from "../errors.ts";
import type { Parcel, Sink, Verdict } from "../ports.ts";
import type { DrainRecord } from "../registry/records.ts";
import type { Sockets, Turn } from "./sockets.ts";

export type OutletParts = {
  readonly sinkFor: (drain: DrainRecord) => Sink;
  readonly sockets: Sockets;
  readonly logger: Pick<Logger, "error">;
};

/** Opens the sink when there is a parcel, and closes it when the turn is wanted by others. */
export class Outlet {
  readonly #drain: DrainRecord;
  readonly #parts: OutletParts;
  #open: { readonly sink: Sink; readonly turn: Turn } | undefined;

  constructor(drain: DrainRecord, parts: OutletParts) {
    this.#drain = drain;
    this.#parts = parts;
  }

  /**
   * Waits for a turn and delivers; undefined when `stopping` is aborted before it began or `aborting` in its midst.
   * `failing` says that the last attempt failed: such drains wait for one another.
   */
  async deliver(
    parcel: Parcel,
    failing: boolean,
    stopping: AbortSignal,
    aborting: AbortSignal,
  ): Promise<Verdict | undefined> {
    try {
      const turn = this.#open?.turn ?? (await this.#take(failing, stopping));
      if (turn === undefined) return undefined;
      turn.busy();
      return await this.#open!.sink.deliver(parcel, aborting);
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
    this.#open?.turn.idle();
  }

  /** Closes the connection and gives the turn back. Idempotent. */
  close(): void {
    const closing = this.#open;
    this.#open = undefined;
    if (closing === undefined) return;
    void closing.sink.close();
    closing.turn.release();
  }

  async #take(failing: boolean, stopping: AbortSignal): Promise<Turn | undefined> {
    const { sockets, sinkFor } = this.#parts;
    const turn = await sockets.take(failing, () => this.close(), stopping);
    if (turn === undefined) return undefined;
    try {
      this.#open = { sink: sinkFor(this.#drain), turn };
    } catch (failure) {
      turn.release();
      throw failure;
    }
    return turn;
  }
}
