/**
 * Inflates bodies that have arrived whole. This runs in the threads that also sync the log, and competes with the
 * event loop for processors. So only a few bodies are inflated at a time, and addresses take turns.
 */
import type { Transform } from "node:stream";
import zlib from "node:zlib";
import { FairLine } from "../../core/scheduling/fair-line.ts";
import type { AppError } from "../../errors/app-error.ts";
import { bodyTooLarge, unreadableBody } from "../../errors/ingest.ts";
import type { Reservation } from "./body-budget.ts";

/** The most that deflate can expand. */
const ratioMax = 1032;
/**
 * Output of a thread at a time where a body does not declare its length: small enough for small bodies, and large
 * enough that a large one needs few rounds. A body that declares its length is inflated at once, into the memory
 * where it stays.
 */
const chunkBytesMin = 16 * 1024;
const chunkBytesMax = 128 * 1024;
/** A gzip member ends with its length modulo 2^32. */
const lengthBytes = 4;

/** Senders need no larger window of zstd at the levels that they use. */
const zstdWindowLog = 23;
const zstdMagic = 0xfd2fb528;
const gzipMagic = 0x8b1f;

/** The oldest Node that this runs on has neither, nor have its types. */
const { createZstdDecompress, constants } = zlib as unknown as {
  readonly createZstdDecompress?: (options: object) => Transform;
  readonly constants: { readonly ZSTD_d_windowLogMax?: number };
};

/** True when a body begins like zstd; gzip begins differently. */
export const isZstd = (packed: Buffer): boolean => packed.length >= 4 && packed.readUInt32LE(0) === zstdMagic;

/** The length that a gzip body declares; 0 where it declares none, or an impossible one. */
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

  /** `placesMax`: bodies that are inflated at a time. */
  constructor({ placesMax }: { readonly placesMax: number }) {
    this.#placesMax = placesMax;
  }

  /**
   * The inflated body, of at most `bytesMax` bytes. Rejects with the error to answer: a bound was reached, the data
   * are damaged, or the body was evicted.
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

  // Resolves with a place; rejects when the body is evicted before it gets one.
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
  const chunkSize = Math.max(capacity + 1, partBytes); // a full one would be followed by an empty one
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
