/** Says how long one connection is read, read after read, before others get their turn. */
import { readBytesMax } from "../../sockets/socket-reads.ts";
import type { Bursts } from "./bursts.ts";

/** The most that a connection brings before others that are waiting get their turn. */
const burstBytesMax = 1024 * 1024;

export class Burst {
  readonly #bursts: Pick<Bursts, "isCrowded" | "isOver">;
  /** Bytes read since the burst began. */
  #bytes = 0;
  /** True after it has waited for its turn. */
  #hasTurn = false;

  constructor(bursts: Pick<Bursts, "isCrowded" | "isOver">) {
    this.#bursts = bursts;
  }

  /**
   * Counts a read of `bytes`; `hasMore`: it was full. Returns true when others must have their turn before the
   * connection is read on: also whenever it `rests` and has more.
   */
  took(bytes: number, hasMore = bytes === readBytesMax, rests = false): boolean {
    this.#bytes += bytes;
    const mustYield = hasMore
      ? rests || this.#mustPause
      : this.#bursts.isCrowded && this.#bytes >= readBytesMax;
    if (hasMore && !mustYield) return false;
    this.#bytes = 0;
    this.#hasTurn = mustYield;
    return mustYield;
  }

  get #mustPause(): boolean {
    const { isOver, isCrowded } = this.#bursts;
    return isOver || (isCrowded && (!this.#hasTurn || this.#bytes >= burstBytesMax));
  }
}
