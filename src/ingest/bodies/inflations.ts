/**
 * Inflates bodies that have arrived whole. Threads do this that also sync the log, and that take processors from the
 * event loop. So few bodies are inflated at a time, and addresses take turns.
 */
import type { Transform } from "node:stream";
import zlib from "node:zlib";
import { FairLine } from "../../core/scheduling/fair-line.ts";
import type { AppError } from "../../errors/app-error.ts";
import { bodyTooLarge, unreadableBody } from "../../errors/ingest.ts";
import type { Reservation } from "./body-budget.ts";

/** Bytes that deflate makes of one at most. */
const ratioMax = 1032;
/**
 * Bytes that come out of a thread at once, where a body does not say how long it is: small bodies need little, and a large one
 * few rounds. One that does comes out as a whole, in the memory in which it stays.
 */
const chunkBytesMin = 16 * 1024;
const chunkBytesMax = 128 * 1024;
/** At the end of a gzip member: how long it was, modulo 2^32. */
const lengthBytes = 4;

/** The window of zstd, which senders ask no more of at the levels that they use. */
const zstdWindowLog = 23;
const zstdMagic = 0xfd2fb528;
const gzipMagic = 0x8b1f;

/** The oldest Node that this runs on has neither, and so have its types. */
const { createZstdDecompress, constants } = zlib as unknown as {
  readonly createZstdDecompress?: (options: object) => Transform;
  readonly constants: { readonly ZSTD_d_windowLogMax?: number };
};

/** True of a body that begins as zstd has it; gzip begins otherwise. */
export const isZstd = (packed: Buffer): boolean => packed.length >= 4 && packed.readUInt32LE(0) === zstdMagic;

/** The length that a gzip body claims to have, inflated; 0 where it claims none, or one that cannot be true. */
function saidLength(packed: Buffer): number {
  if (packed.length < lengthBytes || packed.readUInt16LE(0) !== gzipMagic) return 0;
  const bytes = packed.readUInt32LE(packed.length - lengthBytes);
  return bytes > ratioMax * packed.length ? 0 : bytes;
}

type Waiting = { readonly go: () => void; isGone: boolean };

export class Inflations {
  readonly #placesMax: number;
  readonly #waiting = new FairLine<Waiting>();
  #taken = 0;

  /** `placesMax`: bodies that are inflated at the same time. */
  constructor({ placesMax }: { readonly placesMax: number }) {
    this.#placesMax = placesMax;
  }

  /**
   * The body that `packed` holds, of `bytesMax` bytes at most. Rejects with the error to answer: that of a bound, of gzip
   * that cannot be read, or of a body that had to give way.
   */
  async inflate(
    packed: Buffer,
    address: string,
    reservation: Reservation,
    bytesMax: number,
  ): Promise<Buffer> {
    const saidBytes = saidLength(packed);
    if (saidBytes > bytesMax) throw bodyTooLarge(bytesMax);
    await this.#place(address, reservation);
    try {
      return await inflated(packed, saidBytes, reservation, bytesMax);
    } finally {
      this.#leave();
    }
  }

  // Resolves with a place, or rejects when the body has to give way before it has one.
  #place(address: string, reservation: Reservation): Promise<void> | undefined {
    if (this.#taken < this.#placesMax) {
      this.#taken++;
      return undefined;
    }
    return new Promise((resolve, reject) => {
      const waiting: Waiting = { go: resolve, isGone: false };
      reservation.onEvicted = (reason) => {
        waiting.isGone = true;
        reject(reason);
      };
      this.#waiting.push(address, waiting);
    });
  }

  #leave(): void {
    let next = this.#waiting.shift();
    while (next?.isGone) next = this.#waiting.shift();
    if (next === undefined) this.#taken--;
    else next.go();
  }
}

function inflated(
  packed: Buffer,
  capacity: number,
  reservation: Reservation,
  bytesMax: number,
): Promise<Buffer> {
  const partBytes = Math.min(Math.max(8 * packed.length, chunkBytesMin), chunkBytesMax);
  const chunkSize = Math.max(capacity + 1, partBytes); // a full one would be followed by another
  const ofZstd = isZstd(packed);
  const inflater = ofZstd
    ? createZstdDecompress!({ chunkSize, params: { [constants.ZSTD_d_windowLogMax!]: zstdWindowLog } })
    : zlib.createGunzip({ chunkSize });
  return new Promise((resolve, reject) => {
    let bytes: Buffer = Buffer.alloc(0);
    let length = 0;
    const give = (reason: AppError) => {
      inflater.destroy();
      reject(reason);
    };
    const grow = (wanted: number) => {
      const room = Math.max(wanted, Math.min(Math.max(2 * bytes.length, capacity), bytesMax));
      const refusal = reservation.take(room - bytes.length);
      if (refusal !== undefined) return refusal;
      const larger = Buffer.allocUnsafeSlow(room);
      bytes.copy(larger, 0, 0, length);
      bytes = larger;
      return undefined;
    };
    const refused = reservation.take(chunkSize + (ofZstd ? 2 ** zstdWindowLog : 0));
    if (refused !== undefined) return give(refused);
    reservation.onEvicted = give;
    inflater.on("error", () => give(unreadableBody()));
    inflater.on("data", (chunk: Buffer) => {
      const wanted = length + chunk.length;
      if (wanted > bytesMax) return give(bodyTooLarge(bytesMax));
      if (length === 0 && wanted + 1 === chunkSize) {
        bytes = chunk;
        length = wanted;
        return;
      }
      const refusal = wanted > bytes.length ? grow(wanted) : undefined;
      if (refusal !== undefined) return give(refusal);
      chunk.copy(bytes, length);
      length = wanted;
    });
    inflater.on("end", () => {
      reservation.onEvicted = undefined;
      resolve(bytes.subarray(0, length));
    });
    inflater.end(packed);
  });
}
