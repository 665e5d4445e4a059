/**
 * One file of the journal. While it is being written its rows are in memory; when it is full they go to an index file
 * beside it, which can be made again from the segment. A segment that is no longer needed is removed even while it is
 * being read: readers keep the open file.
 */
import type { ChannelId } from "../../core/ids.ts";
import type { Channel } from "./channel.ts";
import type { Disk, DiskFile } from "./disk.ts";
import { encodeSegmentHeader, segmentHeaderBytes, type Times } from "./entry.ts";
import { encodeIndex, type SegmentIndex } from "./index-file.ts";
import type { Run } from "./run.ts";

const digits = 10;
/** Twice what a segment may have. Whatever a file has beyond it is not the journal's. */
const fileBytesMax = 128 * 1024 * 1024;
const segmentForm = /^(\d{10})\.log$/;

const segmentName = (number: number): string => `${String(number).padStart(digits, "0")}.log`;
export const indexName = (number: number): string => `${String(number).padStart(digits, "0")}.index`;
/** The number in a segment's file name; undefined for any other file. */
export const segmentNumber = (name: string): number | undefined => {
  const match = segmentForm.exec(name);
  return match === null ? undefined : Number(match[1]);
};

/** A dedup id in a segment. */
type SegmentDedupId = {
  readonly channel: Channel;
  readonly id: string;
  readonly line: number;
  readonly count: number;
  readonly atMs: number;
};

/** A segment, and what of it is still wanted. */
export class Segment {
  readonly number: number;
  readonly #disk: Disk;
  readonly #file: DiskFile;
  #index: DiskFile | undefined;
  /** The size of the index file. */
  indexBytes = 0;
  /** The end of the bytes that are known to be good. */
  end: number;
  /** The number of its newest commit. */
  commit = 0;
  /** The times of that commit. */
  times: Times | undefined;
  /** The runs of all its lines, including trimmed ones. */
  readonly runs = new Set<Run>();
  /** Channels without lines whose ends are recorded here. */
  readonly ends = new Set<Channel>();
  /** The dedup ids of its lines, until they are in the index file. */
  dedupIds: SegmentDedupId[] = [];
  /** Channels whose destruction is recorded here, and whose lines may still be in older segments. */
  readonly destroyed = new Set<ChannelId>();
  #readers = 0;
  /** True while this process is removing it. */
  #isLeaving = false;
  #removed = false;

  private constructor(number: number, disk: Disk, file: DiskFile, end: number) {
    this.number = number;
    this.#disk = disk;
    this.#file = file;
    this.end = end;
  }

  /** Creates a segment that survives a crash. */
  static async create(number: number, disk: Disk): Promise<Segment> {
    const file = await disk.create(segmentName(number));
    try {
      await file.write([encodeSegmentHeader(number)], 0);
      await file.sync();
    } catch (error) {
      await file.close();
      await disk.remove(segmentName(number)).catch(() => {});
      throw error;
    }
    return new Segment(number, disk, file, segmentHeaderBytes);
  }

  static async open(number: number, disk: Disk): Promise<Segment> {
    const file = await disk.open(segmentName(number));
    return new Segment(number, disk, file, await file.size());
  }

  /** Roughly the bytes of the segment that are still wanted. */
  get liveBytes(): number {
    let bytes = 0;
    for (const run of this.runs) if (run.isLive) bytes += run.liveBytes;
    return bytes;
  }

  /** True while some of its lines are not trimmed. */
  get isLive(): boolean {
    for (const run of this.runs) if (run.isLive) return true;
    return false;
  }

  /** Appends and syncs; the end moves when both are done. */
  async append(parts: readonly Uint8Array[], bytes: number): Promise<void> {
    await this.#file.writeSynced(parts, this.end);
    this.end += bytes;
  }

  /** Cuts off what a failed or torn commit left after the end. */
  async cutOff(): Promise<void> {
    await this.#file.truncate(this.end);
    await this.#file.sync();
  }

  /** Reads the whole segment; of a file that somebody made longer than any can be, as much as one may have. */
  readAll(): Promise<Buffer> {
    return contentsOf(this.#file, this.end);
  }

  /** Reads the bytes from `offset` on; fewer than asked for at the end. Rejects when the segment was removed. */
  async read(into: Buffer, offset: number): Promise<Buffer> {
    this.#readers++;
    try {
      return into.subarray(0, await this.#file.read(into, offset));
    } finally {
      this.#readers--;
      if (this.#removed && this.#readers === 0) await this.#close();
    }
  }

  /** Overwrites a part. The caller syncs. */
  overwrite(parts: readonly Uint8Array[], offset: number): Promise<void> {
    return this.#file.write(parts, offset);
  }

  sync(): Promise<void> {
    return this.#file.sync();
  }

  /** False when the file was removed, renamed, replaced or truncated by somebody else. Takes some microseconds. */
  isInPlace(): boolean {
    return this.#isLeaving || this.#file.isInPlace(this.end);
  }

  /** The last `bytes` do not count; they are cut off before the next append. */
  takeBack(bytes: number): void {
    this.end -= bytes;
  }

  /** Writes the index file and drops the rows from memory. */
  async writeIndex(index: SegmentIndex): Promise<void> {
    const { parts, rowsAt } = encodeIndex(index);
    await this.#disk.replace(indexName(this.number), parts);
    this.indexBytes = parts.reduce((sum, { length }) => sum + length, 0);
    const old = this.#index;
    this.#index = await this.#disk.open(indexName(this.number));
    await old?.close();
    for (const [run, offset] of rowsAt) run.rowsAreAt(offset);
  }

  /** The bytes of the index file, if there is one. */
  async openIndex(): Promise<Buffer | undefined> {
    const file = await this.#disk.open(indexName(this.number)).catch(() => undefined);
    if (file === undefined) return undefined;
    this.#index = file;
    this.indexBytes = await file.size();
    return contentsOf(file, this.indexBytes);
  }

  /** Fills `into` from the index file; false when it is too short. */
  readIndex(into: Buffer, offset: number): boolean {
    return this.#index !== undefined && this.#index.readSync(into, offset) === into.length;
  }

  /** Removes the files for good; reads under way are finished. May be called again if it was rejected. */
  async remove(): Promise<void> {
    this.#isLeaving = true;
    await this.#disk.remove(indexName(this.number));
    await this.#disk.remove(segmentName(this.number));
    this.#removed = true;
    if (this.#readers === 0) await this.#close();
  }

  get isRemoved(): boolean {
    return this.#removed;
  }

  async close(): Promise<void> {
    if (!this.#removed) await this.#close();
  }

  async #close(): Promise<void> {
    const index = this.#index;
    this.#index = undefined;
    await index?.close();
    await this.#file.close();
  }
}

async function contentsOf(file: DiskFile, size: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(Math.min(size, fileBytesMax));
  return bytes.subarray(0, await file.read(bytes, 0));
}
