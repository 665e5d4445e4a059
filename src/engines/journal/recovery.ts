/** Finds what the folder holds at a start: segments, channels, the latest dedup ids, and what a crash left undone. */
import type { Logger } from "pino";
import type { ChannelId } from "../../core/ids.ts";
import type { Channel } from "./channel.ts";
import { Channels } from "./channels.ts";
import type { Disk } from "./disk.ts";
import { decodeSegmentHeader, segmentHeaderBytes } from "./entry.ts";
import { decodeIndex, type EndMark, type StoredDedupId, type StoredIndex } from "./index-file.ts";
import { Run } from "./run.ts";
import { type Found, scanSegment } from "./scan.ts";
import { indexName, Segment, segmentNumber } from "./segment.ts";

type Recovered = {
  readonly segments: readonly Segment[];
  readonly channels: Channels;
  /** Destroyed channels whose lines may still be somewhere. */
  readonly destroyed: readonly Channel[];
  /** Full segments that have no index file. */
  readonly unindexed: readonly Segment[];
};

type RecoveryOptions = {
  readonly disk: Disk;
  readonly logger: Logger | undefined;
  readonly damaged: (bytes: number) => void;
};

/** Reads the folder. What a crash has torn is cut off; what is damaged is reported and skipped. */
export async function recover(options: RecoveryOptions): Promise<Recovered> {
  const { disk } = options;
  const names = await disk.list();
  for (const name of names) if (name.endsWith(".new")) await disk.remove(name);
  const numbers = names.flatMap((name) => segmentNumber(name) ?? []).sort((a, b) => a - b);
  const recovery = new Recovery(options);
  for (const number of numbers) await recovery.read(number, number === numbers.at(-1));
  return recovery;
}

class Recovery implements Recovered {
  readonly #options: RecoveryOptions;
  readonly segments: Segment[] = [];
  readonly channels = new Channels();
  readonly destroyed: Channel[] = [];
  readonly unindexed: Segment[] = [];

  constructor(options: RecoveryOptions) {
    this.#options = options;
  }

  async read(number: number, isLast: boolean): Promise<void> {
    const { disk, logger } = this.#options;
    const segment = await Segment.open(number, disk);
    if (isLast && segment.end < segmentHeaderBytes) {
      // It was just being created, and nothing was written to it.
      await segment.remove();
      return;
    }
    this.segments.push(segment);
    const stored = await segment.openIndex();
    const index = stored && decodeIndex(stored, segment.end);
    if (index !== undefined) this.#takeIndex(segment, index);
    else await this.#scan(segment, isLast);
    if (index === undefined && !isLast) this.unindexed.push(segment);
    if (index === undefined && stored !== undefined) {
      logger?.debug({ segment: number }, "an index is made again");
      await disk.remove(indexName(number));
    }
  }

  #takeIndex(segment: Segment, index: StoredIndex): void {
    segment.commit = index.commit;
    segment.times = index.times;
    for (const channel of index.destroyed) this.#destroy(channel, segment);
    for (const { channel, incarnation, rowsAt, ...summary } of index.runs) {
      const owner = this.channels.recovered(channel, incarnation);
      owner.addRun(Run.stored(owner, segment, summary, rowsAt));
    }
    for (const end of index.ends) this.#takeEnd(segment, end);
    for (const id of index.dedupIds) this.#takeDedupId(segment, id);
  }

  async #scan(segment: Segment, isLast: boolean): Promise<void> {
    const { logger, damaged } = this.#options;
    const bytes = await segment.readAll();
    if (decodeSegmentHeader(bytes) !== segment.number) {
      logger?.error({ segment: segment.number }, "a segment's header is damaged; its lines are looked for");
    }
    const scan = scanSegment(bytes, segment.number, !isLast);
    segment.commit = scan.commit;
    segment.times = scan.times;
    if (scan.end < segment.end) {
      logger?.warn(
        { segment: segment.number, bytes: segment.end - scan.end, commit: scan.commit + 1 },
        "the end of the log is no whole commit and is taken off: a stop amid a write leaves one, and nobody was answered; " +
          "if the server stopped otherwise, the file was cut or damaged since, and lines that were stored are gone",
      );
      segment.end = scan.end;
      await segment.cutOff();
    }
    if (isLast) await this.#writeAgain(segment, bytes.subarray(scan.lastAt, scan.end), scan.lastAt);
    for (const { offset, bytes } of scan.damages) {
      logger?.error(
        { segment: segment.number, offset, bytes },
        "stored lines are damaged and are passed over",
      );
      damaged(bytes);
    }
    for (const found of scan.entries) this.#takeEntry(segment, found);
  }

  // A commit whose sync failed can be read from the system's memory, and is not on the disk. A sync alone would not try
  // it again.
  async #writeAgain(segment: Segment, record: Buffer, at: number): Promise<void> {
    try {
      await segment.overwrite([record], at);
      await segment.sync();
    } catch (err) {
      this.#options.logger?.error({ err }, "the newest lines of the log may not be on the disk");
    }
  }

  #takeEntry(segment: Segment, { entry, offset, size, ranMs }: Found): void {
    const { channel: id, incarnation, line, bytesBefore, acceptedAtMs, count, dedupId } = entry;
    switch (entry.kind) {
      case "lines": {
        const channel = this.channels.recovered(id, incarnation);
        channel.add(segment, { line, bytesBefore, acceptedAtMs, offset, size }, entry);
        channel.forgetNext();
        if (dedupId !== "")
          this.#takeDedupId(segment, { channel: id, id: dedupId, line, count, atMs: ranMs });
        return;
      }
      case "end": {
        const newest = { line, producer: entry.producer, firstLine: entry.firstLine };
        const tail = { line: line + count, bytes: bytesBefore, newest };
        this.#takeEnd(segment, { channel: id, incarnation, ...tail });
        return;
      }
      case "destroyed":
        this.#destroy(id, segment);
    }
  }

  #takeEnd(segment: Segment, { channel: id, incarnation, ...tail }: EndMark): void {
    const channel = this.channels.recovered(id, incarnation);
    if (tail.line < channel.line) return;
    channel.endsAt(tail);
    channel.trimTo(tail.line);
    segment.ends.add(channel);
  }

  #destroy(id: ChannelId, segment: Segment): void {
    const channel = this.channels.destroy(id);
    if (channel === undefined) return;
    segment.destroyed.add(id);
    this.destroyed.push(channel);
  }

  #takeDedupId(segment: Segment, { channel: name, ...stored }: StoredDedupId): void {
    const channel = this.channels.get(name);
    if (channel !== undefined) segment.dedupIds.push({ ...stored, channel });
  }
}
