/** Reads batches of a channel from its segments: many that lie together in one call, each proved by its checksum. */
import type { Logger } from "pino";
import { encodedBytes, type StoredBatch } from "../../core/batch/batch.ts";
import { turns } from "../../turns.ts";
import type { Channel } from "./channel.ts";
import { batchOfEntry, readEntry } from "./entry.ts";
import { restoreRows } from "./restore-rows.ts";
import { IndexDamaged, type RowPlace } from "./run.ts";

/** Read in one call; a larger batch is read alone. */
const spanBytesMax = 64 * 1024;
/** Between two batches of a channel: more of others than this is not read with them. */
const gapBytesMax = 8 * 1024;

type ReaderOptions = {
  readonly logger: Logger | undefined;
  /** A batch that was acknowledged cannot be read: it is passed over, and line numbers tell its readers. */
  readonly damaged: (lines: number) => void;
};

export class Reader {
  readonly #options: ReaderOptions;

  constructor(options: ReaderOptions) {
    this.#options = options;
  }

  /**
   * Batches of `channel` from the one that holds `line` on (else the first one behind it): at least one and about
   * 64 KiB at most, all below `endLine`; none at the end. Each owns its memory.
   */
  async read(channel: Channel, line: number, endLine: number): Promise<readonly StoredBatch[]> {
    for (let due = line; !channel.isDestroyed; ) {
      const place = await this.#find(channel, due);
      if (place === undefined || place.row.line >= endLine) return [];
      const span = spanFrom(place, endLine);
      const batches = await this.#readSpan(channel, place, span);
      if (batches === "gone") continue; // retention was quicker: what is there now?
      // When rows are missing, the one before the gap is found.
      const wanted = batches.filter((batch) => batch.line + batch.count > due);
      if (wanted.length > 0) return wanted;
      due = span.endLine;
    }
    return [];
  }

  /**
   * The line at which the newest batches before `behind` begin that hold `lines` lines and no more than `bytesMax`
   * bytes, but one batch at least. Looks at rows alone.
   */
  async startBefore(channel: Channel, behind: number, lines: number, bytesMax: number): Promise<number> {
    const first = Math.max(0, behind - lines);
    if (bytesMax === Number.POSITIVE_INFINITY) return first;
    // Ids of producers have one length: what a batch counts beyond its lines is the same for all.
    const overheadBytes = encodedBytes({ producer: channel.newest?.producer ?? "", bytes: noBytes });
    let bytes = 0;
    for (let start = behind; ; ) {
      const place = start > first ? await this.#find(channel, start - 1) : undefined;
      if (place === undefined || place.row.line >= start) return start;
      bytes += bytesOf(place) - overheadBytes;
      if (bytes > bytesMax && start < behind) return start;
      start = place.row.line;
      if (turns.isOver) await turns.next(channel.id);
    }
  }

  // An index that is damaged is made again, once: what it said is in the segment.
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

// The rows from `place` on that are worth one call.
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
