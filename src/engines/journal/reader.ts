/**
 * Reads batches of a channel from its segments: those that lie close together in one call, each verified by its
 * checksum.
 */
import type { Logger } from "pino";
import { encodedBytes, type StoredBatch } from "../../core/batch/batch.ts";
import { turns } from "../../turns.ts";
import type { Channel } from "./channel.ts";
import { batchOfEntry, readEntry } from "./entry.ts";
import { LargeBatches } from "./large-batches.ts";
import { restoreRows } from "./restore-rows.ts";
import { IndexDamaged, type RowPlace } from "./run.ts";

/** The size of one read; a larger batch is read alone. */
const spanBytesMax = 64 * 1024;
/** Two batches of a channel are read together if there are no more bytes of others between them than this. */
const gapBytesMax = 8 * 1024;

type ReaderOptions = {
  readonly logger: Logger | undefined;
  /**
   * Called for lines that were acknowledged and cannot be read. They are skipped, and their readers notice by the
   * line numbers.
   */
  readonly damaged: (lines: number) => void;
};

export class Reader {
  readonly #options: ReaderOptions;
  readonly #large = new LargeBatches();

  constructor(options: ReaderOptions) {
    this.#options = options;
  }

  /**
   * Batches of `channel` from the one with `line` on, or from the first one after it: at least one, and about 64 KiB
   * at most, all before `endLine`; none at the end. Each has memory of its own, a larger one together with all who
   * hold it.
   */
  async read(channel: Channel, line: number, endLine: number): Promise<readonly StoredBatch[]> {
    for (let due = line; !channel.isDestroyed; ) {
      const place = await this.#find(channel, due);
      if (place === undefined || place.row.line >= endLine) return [];
      const span = spanFrom(place, endLine);
      const isLarge = span.bytes > spanBytesMax; // one batch, as it is read alone
      const read = () => this.#readSpan(channel, place, span);
      const batches = await (isLarge
        ? this.#large.at(`${place.run.segment.number} ${place.row.offset}`, read)
        : read());
      if (batches === "gone") continue; // they were trimmed meanwhile: look again
      // If rows are missing, the batch before the gap is found as well.
      const wanted = batches.filter((batch) => batch.line + batch.count > due);
      if (wanted.length > 0) return wanted;
      due = span.endLine;
    }
    return [];
  }

  /**
   * The line at which the newest batches before `beforeLine` begin that have `lines` lines, and at most `bytesMax` bytes,
   * but at least one batch. Reads only rows.
   */
  async startBefore(channel: Channel, beforeLine: number, lines: number, bytesMax: number): Promise<number> {
    const first = Math.max(0, beforeLine - lines);
    if (bytesMax === Number.POSITIVE_INFINITY) return first;
    // Producers' ids all have the same length, so every batch counts the same number of bytes besides its lines.
    const overheadBytes = encodedBytes({ producer: channel.newest?.producer ?? "", bytes: noBytes });
    let bytes = 0;
    for (let start = beforeLine; ; ) {
      const place = start > first ? await this.#find(channel, start - 1) : undefined;
      if (place === undefined || place.row.line >= start) return start;
      bytes += bytesOf(place) - overheadBytes;
      if (bytes > bytesMax && start < beforeLine) return start;
      start = place.row.line;
      if (turns.isOver) await turns.next(channel.id);
    }
  }

  // A damaged index is restored once, from the segment.
  async #find(channel: Channel, line: number): Promise<RowPlace | undefined> {
    try {
      return channel.find(line);
    } catch (error) {
      if (!(error instanceof IndexDamaged)) throw error;
      this.#options.logger?.error({ segment: error.segment.number }, "an index is damaged and is made again");
      await restoreRows(error.segment);
      return channel.find(line);
    }
  }

  async #readSpan(channel: Channel, place: RowPlace, span: Span): Promise<StoredBatch[] | "gone"> {
    const { run, row } = place;
    const bytes = Buffer.allocUnsafeSlow(span.bytes);
    let read: Buffer;
    try {
      read = await run.segment.read(bytes, row.offset);
    } catch (error) {
      if (run.segment.isRemoved || channel.isDestroyed) return "gone";
      throw error;
    }
    const batches: StoredBatch[] = [];
    for (const { line, offset, endLine } of span.rows) {
      const found = readEntry(read, offset - row.offset, offset);
      const entry = found?.isWhole ? found.entry : undefined;
      if (entry?.kind === "lines" && entry.line === line && entry.channel === channel.id) {
        const batch = batchOfEntry(entry);
        batches.push(span.rows.length === 1 ? batch : { ...batch, bytes: copyOf(batch.bytes) });
      } else if (!channel.isDestroyed && !run.segment.isRemoved) {
        this.#tell(run.segment.number, offset, endLine - line);
      }
    }
    return batches;
  }

  #tell(segment: number, offset: number, lines: number): void {
    this.#options.damaged(lines);
    this.#options.logger?.error({ segment, offset, lines }, "stored lines are damaged and are not read");
  }
}

/** The bytes that a channel counts for a batch. */
const bytesOf = ({ run, index, row }: RowPlace): number =>
  (index + 1 < run.rowCount ? run.row(index + 1).bytesBefore : run.bytesAfter) - row.bytesBefore;

const noBytes = new Uint8Array(0);

type Span = {
  readonly rows: readonly { readonly line: number; readonly offset: number; readonly endLine: number }[];
  readonly bytes: number;
  readonly endLine: number;
};

// The rows from `place` on to read in one call.
function spanFrom({ run, index, row }: RowPlace, endLine: number): Span {
  const rows = [];
  let end = row.offset;
  let lineEnd = row.line;
  for (let at = index, next = row; ; at++) {
    const following = at + 1 < run.rowCount ? run.row(at + 1) : undefined;
    lineEnd = following?.line ?? run.endLine;
    rows.push({ line: next.line, offset: next.offset, endLine: lineEnd });
    end = next.offset + next.size;
    if (following === undefined || following.line >= endLine) break;
    if (following.offset < end || following.offset - end > gapBytesMax) break;
    if (following.offset + following.size - row.offset > spanBytesMax) break;
    next = following;
  }
  return { rows, bytes: end - row.offset, endLine: lineEnd };
}

const copyOf = (bytes: Uint8Array): Buffer => {
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  copy.set(bytes);
  return copy;
};
