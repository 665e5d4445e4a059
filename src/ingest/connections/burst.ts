/** Reads one connection, read after read, until it is the turn of others. */
import { readBytesMax } from "../../sockets/socket-reads.ts";
import type { Bursts } from "./bursts.ts";

/** A connection brings so much before others that wait have their turn. */
const burstBytesMax = 1024 * 1024;

export class Burst {
  readonly #bursts: Pick<Bursts, "isCrowded" | "isOver" | "next">;
  readonly #address: string;
  /** Read since it began. */
  #bytes = 0;
  /** It waited until others let it read on. */
  #hasTurn = false;

  constructor(bursts: Pick<Bursts, "isCrowded" | "isOver" | "next">, address: string) {
    this.#bursts = bursts;
    this.#address = address;
  }

  /** So many bytes were read: undefined when more may be, else resolves when others had their turn. */
  took(bytes: number): Promise<void> | undefined {
    const hasMore = bytes === readBytesMax;
    this.#bytes += bytes;
    const isOthers = hasMore ? this.#mustPause : this.#bursts.isCrowded && this.#bytes >= readBytesMax;
    if (hasMore && !isOthers) return undefined;
    this.#bytes = 0;
    this.#hasTurn = isOthers;
    return isOthers ? this.#bursts.next(this.#address) : undefined;
  }

  get #mustPause(): boolean {
    const { isOver, isCrowded } = this.#bursts;
    return isOver || (isCrowded && (!this.#hasTurn || this.#bytes >= burstBytesMax));
  }
}
