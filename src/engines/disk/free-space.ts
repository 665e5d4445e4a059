/**
 * Room on the disk, asked before each write. Two reserves are kept: intake is refused while there is less than the
 * first, so that what is small and has to go on (cursors of drains, records, trimming) has the room between the two. A
 * store never meets a full disk then, which some take badly: lmdb 3.5.6 writes behind its memory on each write that
 * fails.
 */
import { readFileSync, statfsSync, statSync } from "node:fs";
import { join } from "node:path";

/** Two kinds of writers ask for room: what can wait, and what must go on as long as it can. */
export type Use = "intake" | "upkeep";

export type FreeSpaceOptions = {
  /** The folder, and the file in it that grows. */
  readonly folder: string;
  readonly file: string;
  /** Kept free of intake, and kept free of everything. */
  readonly reserveBytes: number;
  readonly floorBytes: number;
  /** Bytes inside the file that nobody uses; they count where the disk has less than the reserve. */
  readonly reusableBytes?: () => number;
  /** Bytes that this user may still write to the disk. */
  readonly freeBytes?: (folder: string) => number;
  /** How large this process may make a file. */
  readonly fileBytesMax?: () => number;
  /** A clock that only goes forward; these three are there for tests. */
  readonly nowMs?: () => number;
};

const MiB = 1024 * 1024;
/** Bytes of a disk that are kept free of intake, and of everything. */
export const diskReserve = { reserveBytes: 64 * MiB, floorBytes: 16 * MiB } as const;

/** The disk is asked again after so long, or after so much was written. */
const askedMsMax = 100;
const askedBytesMax = 8 * MiB;
/** Whole pages, and what a tree needs besides: what is written may take so much more. */
const growth = 2;
const growthBytes = MiB;
/** Once it was refused, intake needs this much more than the reserve: it does not come and go with each byte. */
const resumeBytes = 4 * MiB;
/** Free pages lie where they lie: large values need them side by side, so only so many count. */
const reusableShare = 4;

export class FreeSpace {
  readonly #options: FreeSpaceOptions;
  readonly #freeBytes: (folder: string) => number;
  readonly #fileBytesMax: () => number;
  #freeOnDisk = 0;
  #freeInFile = 0;
  #writtenBytes = 0;
  #askedAtMs = Number.NEGATIVE_INFINITY;
  #isRefusing = false;

  constructor(options: FreeSpaceOptions) {
    this.#options = options;
    this.#freeBytes = options.freeBytes ?? freeOnDisk;
    this.#fileBytesMax = options.fileBytesMax ?? fileSizeLimit;
  }

  /** True while intake was refused the last time that somebody asked. */
  get isRefusing(): boolean {
    return this.#isRefusing;
  }

  /** The bytes that can be written, as of now. */
  get free(): number {
    this.#ask(0);
    return this.#free;
  }

  /** Is there room to write `bytes`? Asks the disk when what is known of it is old. */
  has(bytes: number, use: Use): boolean {
    this.#ask(bytes);
    const left = this.#free - (growth * bytes + growthBytes);
    const { reserveBytes, floorBytes, reusableBytes } = this.#options;
    if (use === "upkeep")
      return left >= floorBytes || (left >= floorBytes / 4 && this.#fitsInside(bytes, reusableBytes));
    const wanted = reserveBytes + (this.#isRefusing ? resumeBytes : 0);
    const fits = left >= wanted || (left >= floorBytes && this.#fitsInside(bytes, reusableBytes));
    this.#isRefusing = !fits;
    return fits;
  }

  /** So much was written into the file, and so much into others. */
  wrote(bytes: number, elsewhereBytes = 0): void {
    this.#freeInFile -= growth * bytes;
    this.#freeOnDisk -= growth * (bytes + elsewhereBytes);
    this.#writtenBytes += bytes + elsewhereBytes;
  }

  get #free(): number {
    return Math.min(this.#freeOnDisk, this.#freeInFile);
  }

  #fitsInside(bytes: number, reusableBytes: (() => number) | undefined): boolean {
    return reusableBytes !== undefined && reusableBytes() >= reusableShare * (growth * bytes + growthBytes);
  }

  #ask(bytes: number): void {
    const { nowMs: now = () => performance.now() } = this.#options;
    const nowMs = now();
    if (nowMs - this.#askedAtMs < askedMsMax && this.#writtenBytes + bytes < askedBytesMax) return;
    this.#askedAtMs = nowMs;
    this.#writtenBytes = 0;
    const { folder, file } = this.#options;
    try {
      const size = statSync(join(folder, file), { throwIfNoEntry: false })?.size ?? 0;
      this.#freeOnDisk = this.#freeBytes(folder);
      this.#freeInFile = this.#fileBytesMax() - size;
    } catch {
      this.#freeOnDisk = this.#freeInFile = Number.POSITIVE_INFINITY; // it says nothing, as where the folder is gone: that is told elsewhere
    }
  }
}

function freeOnDisk(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}

/** `ulimit -f`, which somebody may change from outside. */
export function fileSizeLimit(): number {
  try {
    const limits = readFileSync("/proc/self/limits", "latin1");
    const found = /^Max file size\s+(\d+)/m.exec(limits);
    return found === null ? Number.POSITIVE_INFINITY : Number(found[1]);
  } catch {
    return Number.POSITIVE_INFINITY; // no system that says so
  }
}
