/** Reads one connection, read after read, until others have to get their turn. */
import { readBytesMax } from "../../sockets/socket-reads.ts";
import type { Bursts } from "./bursts.ts";

/** The most that a connection brings before others that are waiting get their turn. */
const burstBytesMax = 1024 * 1024;

export class Burst {
  readonly #bursts: Pick<Bursts, "isCrowded" | "isOver" | "next">;
  readonly #address: string;
  /** Bytes read since the burst began. */
  #bytes = 0;
  /** True after it has waited for its turn. */
  #hasTurn = false;

  constructor(bursts: Pick<Bursts, "isCrowded" | "isOver" | "next">, address: string) {
    this.#bursts = bursts;
    this.#address = address;
  }

  /**
   * Counts a read of `bytes`; `hasMore`: it was full. Returns undefined when the connection may be read on; otherwise
   * resolves when it may, after others had their turn.
   */
  took(bytes: number, hasMore = bytes === readBytesMax): Promise<void> | undefined {
    this.#bytes += bytes;
    const mustYield = hasMore ? this.#mustPause : this.#bursts.isCrowded && this.#bytes >= readBytesMax;
    if (hasMore && !mustYield) return undefined;
    this.#bytes = 0;
    this.#hasTurn = mustYield;
    return mustYield ? this.#bursts.next(this.#address) : undefined;
  }

  get #mustPause(): boolean {
    const { isOver, isCrowded } = this.#bursts;
    return isOver || (isCrowded && (!this.#hasTurn || this.#bytes >= burstBytesMax));
  }
}
