/** Inflates a whole body into memory of a given size. */
import zlib from "node:zlib";

/**
 * The inflated body. `larger`: it does not fit; that is the packed one, untouched. `damaged`: it is cut off, or not what
 * it seems to be.
 */
export type Inflated = Uint8Array | { readonly larger: Uint8Array } | "damaged";

type Options = {
  readonly chunkSize: number;
  readonly maxOutputLength: number;
  readonly params?: Readonly<Record<number, number>>;
};

/** The oldest Node that this runs on has none of zstd, nor have its types. */
const { zstdDecompress, zstdDecompressSync, constants } = zlib as unknown as {
  readonly zstdDecompress: typeof zlib.gunzip;
  readonly zstdDecompressSync: typeof zlib.gunzipSync;
  readonly constants: { readonly ZSTD_d_windowLogMax: number };
};

/** Senders need no larger window of zstd at the levels that they use. */
const zstdWindowLog = 23;
export const zstdWindowBytes = 2 ** zstdWindowLog;
const zstdMagic = [0x28, 0xb5, 0x2f, 0xfd];

/** Smaller memory would be a view of memory that many share. */
const chunkBytesMin = 16 * 1024;

/** True when a body begins like zstd; gzip begins differently. */
export const isZstd = (packed: Uint8Array): boolean => zstdMagic.every((byte, n) => packed[n] === byte);

/** Inflates at most `bytesMax` bytes, into memory of hardly more. */
export function inflate(packed: Uint8Array, bytesMax: number): Inflated {
  try {
    return isZstd(packed)
      ? zstdDecompressSync(packed, optionsOfZstd(bytesMax))
      : zlib.gunzipSync(packed, options(bytesMax));
  } catch (error) {
    return failed(error, packed);
  }
}

/** Like `inflate`, in the threads of libuv's pool. */
export function inflateInPool(packed: Uint8Array, bytesMax: number): Promise<Inflated> {
  return new Promise((resolve) => {
    const done = (error: Error | null, bytes: Buffer<ArrayBuffer>) =>
      resolve(error === null ? bytes : failed(error, packed));
    if (isZstd(packed)) zstdDecompress(packed, optionsOfZstd(bytesMax), done);
    else zlib.gunzip(packed, options(bytesMax), done);
  });
}

// All of the body is one chunk, so that nothing is copied; a full chunk would be followed by another one.
const options = (bytesMax: number): Options => ({
  chunkSize: Math.max(bytesMax + 1, chunkBytesMin),
  maxOutputLength: Math.max(bytesMax, 1),
});

const optionsOfZstd = (bytesMax: number): Options => ({
  ...options(bytesMax),
  params: { [constants.ZSTD_d_windowLogMax]: zstdWindowLog },
});

const failed = (error: unknown, packed: Uint8Array): Inflated =>
  (error as { code?: string }).code === "ERR_BUFFER_TOO_LARGE" ? { larger: packed } : "damaged";
