/**
 * Space on the disk, checked before each write. There are two reserves. Intake is refused while less than the larger
 * one is free, so that small writes that must continue (cursors of drains, records, trimming) have the space between
 * the two. A store then never meets a full disk, which some handle badly: lmdb 3.5.6 writes beyond its memory at each
 * write that fails.
 */
import { readFileSync, statfsSync, statSync } from "node:fs";
import { join } from "node:path";

/** `intake` can wait; `upkeep` must continue for as long as possible. */
export type Use = "intake" | "upkeep";

export type FreeSpaceOptions = {
  /** The folder, and the file in it that grows. */
  readonly folder: string;
  readonly file: string;
  /** Space that intake leaves free, and space that everything leaves free. */
  readonly reserveBytes: number;
  readonly floorBytes: number;
  /** Unused bytes inside the file; they count when the disk has less than the reserve. */
  readonly reusableBytes?: () => number;
  /** Bytes that this user can still write to the disk. */
  readonly freeBytes?: (folder: string) => number;
  /** The largest file that this process may write. */
  readonly fileBytesMax?: () => number;
  /** A monotonic clock. This and the two functions above are for tests. */
  readonly nowMs?: () => number;
};

const MiB = 1024 * 1024;
/** Bytes of a disk that intake leaves free, and that everything leaves free. */
export const diskReserve = { reserveBytes: 64 * MiB, floorBytes: 16 * MiB } as const;

/** The disk is asked again after this time, or after this many bytes were written. */
const askedMsMax = 100;
const askedBytesMax = 8 * MiB;
/** Writes can take this much more than their bytes: whole pages, and what a tree needs besides. */
const growth = 2;
const growthBytes = MiB;
/** After a refusal, intake needs this much more than the reserve, so that it does not flip with each byte. */
const resumeBytes = 4 * MiB;
/** Large values need free pages side by side, so only this share of the free pages counts. */
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

  /** True when intake was refused at the last question. */
  get isRefusing(): boolean {
    return this.#isRefusing;
  }

  /** The bytes that can be written now. */
  get free(): number {
    this.#ask(0);
    return this.#free;
  }

  /** True when there is space for `bytes`. Asks the disk if the last answer is too old. */
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

  /** Counts bytes written to the file, and to others. */
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
      this.#freeOnDisk = this.#freeInFile = Number.POSITIVE_INFINITY; // unknown, as when the folder is gone, which is reported elsewhere
    }
  }
}

function freeOnDisk(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}

/** `ulimit -f`, which can be changed from outside. */
export function fileSizeLimit(): number {
  try {
    const limits = readFileSync("/proc/self/limits", "latin1");
    const found = /^Max file size\s+(\d+)/m.exec(limits);
    return found === null ? Number.POSITIVE_INFINITY : Number(found[1]);
  } catch {
    return Number.POSITIVE_INFINITY; // this system does not tell
  }
}
