/**
 * Inflates bodies that have arrived whole: small ones at once, others one at a time in a thread. Addresses take turns.
 */
import { bodyTooLarge, unreadableBody } from "../../errors/ingest.ts";
import { overloaded } from "../../errors/store.ts";
import type { Reservation } from "./body-budget.ts";
import { type Inflated, inflate, isZstd, zstdWindowBytes } from "./inflate.ts";
import { InflatingThread } from "./inflating-thread.ts";
import { OnePlace } from "./one-place.ts";

/** The most that deflate can expand. */
const ratioMax = 1032;
/** A gzip member ends with its length modulo 2^32. */
const lengthBytes = 4;
const gzipMagic = 0x8b1f;

/** A body up to this is inflated in less time than a thread needs to be told: packed and inflated. */
const smallBytesMax = 64 * 1024;
/** The first guess at the size of a body that does not declare it, and by how much the next one is larger. */
const usualRatio = 8;
const growth = 4;

/** The length that a gzip body declares; 0 where it declares none, or an impossible one. */
function saidLength(packed: Buffer): number {
  if (packed.length < lengthBytes || packed.readUInt16LE(0) !== gzipMagic) return 0;
  const bytes = packed.readUInt32LE(packed.length - lengthBytes);
  return bytes > ratioMax * packed.length ? 0 : bytes;
}

export class Inflations {
  readonly #thread = new InflatingThread();
  readonly #place = new OnePlace();

  /**
   * The inflated body, of at most `bytesMax` bytes. Rejects with the error to answer: a bound was reached, the data
   * are damaged, or the body was evicted. The packed one must not be used any more.
   */
  async inflate(
    packed: Uint8Array,
    address: string,
    reservation: Reservation,
    bytesMax: number,
  ): Promise<Buffer> {
    const saidBytes = saidLength(asBuffer(packed));
    if (saidBytes > bytesMax) throw bodyTooLarge(bytesMax);
    const hold = holding(reservation, isZstd(packed) ? zstdWindowBytes : 0);
    if (Math.max(packed.length, saidBytes) <= smallBytesMax) {
      const bytes = Math.min(saidBytes || smallBytesMax, bytesMax);
      const inflated = bodyOf(inflate(packed, hold(bytes)));
      if (inflated instanceof Uint8Array) return asBuffer(inflated);
    }
    await this.#place.take(address, reservation);
    try {
      return await this.#inflateInThread(packed, saidBytes, hold, bytesMax);
    } finally {
      this.#place.leave();
    }
  }

  // A body that is larger than it seemed begins again, with more memory.
  async #inflateInThread(
    packed: Uint8Array,
    saidBytes: number,
    hold: Hold,
    bytesMax: number,
  ): Promise<Buffer> {
    const seemsBytes = Math.max(saidBytes || usualRatio * packed.length, packed.length, smallBytesMax);
    let inflated: { readonly larger: Uint8Array } | Uint8Array = { larger: packed };
    for (let bytes = Math.min(seemsBytes, bytesMax); ; bytes = Math.min(growth * bytes, bytesMax)) {
      inflated = bodyOf(await this.#thread.inflate(inflated.larger, hold(bytes)));
      if (inflated instanceof Uint8Array) return asBuffer(inflated);
      if (bytes === bytesMax) throw bodyTooLarge(bytesMax);
    }
  }
}

/** Takes memory for so many inflated bytes in all, and returns their number. Throws the error to answer. */
type Hold = (bytes: number) => number;

// Also for what inflating needs beside them.
function holding(reservation: Reservation, besideBytes: number): Hold {
  let held = 0;
  return (bytes) => {
    const refusal = reservation.take(bytes + besideBytes - held);
    if (refusal !== undefined) throw refusal;
    held = bytes + besideBytes;
    return bytes;
  };
}

function bodyOf(inflated: Inflated | "ended"): Exclude<Inflated, "damaged"> {
  if (inflated === "damaged") throw unreadableBody();
  if (inflated === "ended") throw overloaded();
  return inflated;
}

const asBuffer = ({ buffer, byteOffset, byteLength }: Uint8Array): Buffer =>
  Buffer.from(buffer, byteOffset, byteLength);
