/** Consecutive lines of one channel that lie in one segment. */
import type { Channel, Newest } from "./channel.ts";
import { decodePage, pageOf, type Row, Rows } from "./rows.ts";
import type { Segment } from "./segment.ts";

/** Bytes of an entry beyond the bytes that a channel counts for it: see `entry.ts`. */
const headerBytesAbout = 96;

/** A run without its rows. */
export type RunSummary = {
  readonly rowCount: number;
  /** Rows before this one are trimmed. */
  readonly firstRow: number;
  readonly firstLine: number;
  readonly endLine: number;
  /** The newest batch; absent if there is none. */
  readonly newest: Newest | undefined;
  readonly bytesBefore: number;
  readonly bytesAfter: number;
  readonly firstAcceptedMs: number;
  readonly lastAcceptedMs: number;
};

/** A row and its place in its run. */
export type RowPlace = { readonly run: Run; readonly index: number; readonly row: Row };

/**
 * A run of a channel. Its rows are in memory while its segment is being written, and in the segment's index file
 * after that. Rows before `firstRow` are trimmed: their batches are still on the disk, but nobody can read them.
 */
export class Run {
  readonly channel: Channel;
  readonly segment: Segment;
  #rows: Rows | undefined;
  /** The beginning of its rows in the index file. */
  #rowsAt = 0;
  #page: { readonly first: number; readonly rows: Rows } | undefined;
  rowCount = 0;
  firstRow = 0;
  firstLine: number;
  endLine: number;
  newest: Newest | undefined;
  bytesBefore: number;
  bytesAfter: number;
  firstAcceptedMs: number;
  lastAcceptedMs: number;

  /** A run without rows, to begin at `line`. */
  constructor(channel: Channel, segment: Segment, line: number, bytesBefore: number) {
    this.channel = channel;
    this.segment = segment;
    this.#rows = new Rows();
    this.firstLine = this.endLine = line;
    this.bytesBefore = this.bytesAfter = bytesBefore;
    this.firstAcceptedMs = Number.POSITIVE_INFINITY;
    this.lastAcceptedMs = Number.NEGATIVE_INFINITY;
  }

  /** A run whose rows are in its segment's index file, from `rowsAt` on. */
  static stored(channel: Channel, segment: Segment, summary: RunSummary, rowsAt: number): Run {
    const run = new Run(channel, segment, summary.firstLine, summary.bytesBefore);
    Object.assign(run, summary);
    run.rowsAreAt(rowsAt);
    return run;
  }

  /** Adds the batch after the last one. */
  push(row: Row, { endLine, bytes, newest }: { endLine: number; bytes: number; newest: Newest }): void {
    this.#rows!.push(row);
    this.rowCount++;
    this.endLine = endLine;
    this.newest = newest;
    this.bytesAfter = row.bytesBefore + bytes;
    this.firstAcceptedMs = Math.min(this.firstAcceptedMs, row.acceptedAtMs);
    this.lastAcceptedMs = Math.max(this.lastAcceptedMs, row.acceptedAtMs);
  }

  /** The rows in memory; undefined once they are in the index file. */
  get rows(): Rows | undefined {
    return this.#rows;
  }

  /** From now on the rows are read from the index file. */
  rowsAreAt(offset: number): void {
    this.#rows = undefined;
    this.#page = undefined;
    this.#rowsAt = offset;
  }

  /** Roughly the bytes of the segment that its rows need: what the channel counts, and a header for each batch. */
  get liveBytes(): number {
    return this.bytesAfter - this.bytesBefore + (this.rowCount - this.firstRow) * headerBytesAbout;
  }

  /** The row at `index`, from 0 to `rowCount - 1`. */
  row(index: number): Row {
    if (this.#rows !== undefined) return this.#rows.at(index);
    if (
      this.#page === undefined ||
      index < this.#page.first ||
      index >= this.#page.first + this.#page.rows.count
    ) {
      this.#page = this.#readPage(index);
    }
    return this.#page.rows.at(index - this.#page.first);
  }

  /** Sets the rows that were restored from the segment; some may be missing. */
  rowsAre(rows: Rows): void {
    this.#rows = rows;
    this.#page = undefined;
    this.rowCount = rows.count;
    this.firstRow = 0;
    this.firstRow = this.firstIndex((row) => row.line >= this.firstLine);
  }

  /**
   * The index of the first row from `firstRow` on for which `holds` is true, or `rowCount`. `holds` must stay true
   * once it is.
   */
  firstIndex(holds: (row: Row) => boolean): number {
    let low = this.firstRow;
    let high = this.rowCount;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (holds(this.row(middle))) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** True while some of its lines are not trimmed. */
  get isLive(): boolean {
    return this.firstRow < this.rowCount;
  }

  /** Removes the rows before `index`; true when none is left. */
  trimTo(index: number): boolean {
    this.firstRow = index;
    if (index >= this.rowCount) {
      this.firstLine = this.endLine;
      this.bytesBefore = this.bytesAfter;
      return true;
    }
    const { line, bytesBefore, acceptedAtMs } = this.row(index);
    this.firstLine = line;
    this.bytesBefore = bytesBefore;
    this.firstAcceptedMs = Math.max(this.firstAcceptedMs, acceptedAtMs);
    return false;
  }

  // Throws `IndexDamaged`.
  #readPage(index: number): { first: number; rows: Rows } {
    const { first, at, bytes } = pageOf(index, this.rowCount);
    const page = Buffer.allocUnsafe(bytes);
    const isThere = this.segment.readIndex(page, this.#rowsAt + at);
    const rows = isThere ? decodePage(page) : undefined;
    if (rows === undefined) throw new IndexDamaged(this.segment);
    return { first, rows };
  }
}

/** The index file of a segment cannot be read, so its rows must be restored from the segment. */
export class IndexDamaged extends Error {
  readonly segment: Segment;

  constructor(segment: Segment) {
    super(`the index of segment ${segment.number} is damaged`);
    this.segment = segment;
  }
}
