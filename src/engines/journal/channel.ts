/** A channel of the log: which lines it has, in which segments, and where it continues. */
import { type Batch, encodedBytes, positionIn } from "../../core/batch/batch.ts";
import type { ChannelId, ProducerId } from "../../core/ids.ts";
import { origin, type Position } from "../../core/position.ts";
import type { Row } from "./rows.ts";
import { type RowPlace, Run } from "./run.ts";
import type { Segment } from "./segment.ts";

/** A channel's next line, and its newest batch. */
export type ChannelTail = {
  readonly line: number;
  readonly bytes: number;
  readonly newest: Newest;
};

/** The newest batch: its first line, and what identifies it. */
export type Newest = { readonly line: number; readonly producer: ProducerId; readonly firstLine: number };

/** The part of a batch that is kept in memory. */
type AddedBatch = Pick<Batch, "count" | "producer" | "firstLine" | "bytes">;

const noRuns: readonly Run[] = [];

/** One channel. The fields `next…` include the commit that is being formed; readers see what is on the disk. */
export class Channel {
  readonly id: ChannelId;
  /** Distinguishes channels with the same id: one that was destroyed, and one that began after it. */
  readonly instance: number;
  /** The name of this life of the channel, for positions. */
  readonly incarnation: string;
  /** Ascending by line; each begins at the end of the one before it, or later. */
  runs: readonly Run[] = noRuns;
  /** On the disk: the next line, the bytes since the channel began, and the newest batch. */
  line = 0;
  bytes = 0;
  newest: Newest | undefined;
  /** The same after the commit that is being formed. */
  nextLine = 0;
  nextBytes = 0;
  isDestroyed = false;

  constructor(id: ChannelId, instance: number, incarnation: string) {
    this.id = id;
    this.instance = instance;
    this.incarnation = incarnation;
  }

  /** The position after the last line. */
  get end(): Position {
    const { newest } = this;
    if (newest === undefined) return origin;
    const { line, producer, firstLine } = newest;
    return positionIn(
      { sequence: line, line, incarnation: this.incarnation, producer, firstLine },
      this.line - line,
    );
  }

  /** The oldest line that is left, or the next line if there is none. */
  get firstLine(): number {
    return this.runs[0]?.firstLine ?? this.line;
  }

  get firstBytes(): number {
    return this.runs[0]?.bytesBefore ?? this.bytes;
  }

  /** Sets the end to `tail`, on the disk and for the next commit. */
  endsAt({ line, bytes, newest }: ChannelTail): void {
    this.line = line;
    this.bytes = bytes;
    this.newest = newest;
    this.forgetNext();
  }

  /** The commit that was being formed has failed. */
  forgetNext(): void {
    this.nextLine = this.line;
    this.nextBytes = this.bytes;
  }

  /** The batch with `line`, or the first one after it. Throws `IndexDamaged`. */
  find(line: number): RowPlace | undefined {
    const run = this.runs[this.#runIndex(line)];
    if (run === undefined) return undefined;
    const next = run.firstIndex((row) => row.line > line);
    // If a batch holds the line, it is the last one that does not begin after it.
    const index = Math.max(run.firstRow, next - 1);
    return { run, index, row: run.row(index) };
  }

  /** The first line that was accepted at `timeMs` or later, at most `endLine`. Throws `IndexDamaged`. */
  since(timeMs: number, endLine: number): number {
    for (const run of this.runs) {
      if (run.lastAcceptedMs < timeMs) continue;
      const index = run.firstIndex((row) => row.acceptedAtMs >= timeMs);
      if (index < run.rowCount) return Math.min(run.row(index).line, endLine);
    }
    return endLine;
  }

  /**
   * Adds a batch in `segment`: a new one at the channel's end, or one that was carried there from an older segment,
   * and is from now on read from its new place.
   */
  add(segment: Segment, row: Row, batch: AddedBatch): void {
    const endLine = row.line + batch.count;
    const bytes = encodedBytes(batch);
    const isNew = row.line >= this.line;
    if (!isNew) this.#cover(row.line, endLine);
    const { producer, firstLine } = batch;
    const newest = { line: row.line, producer, firstLine };
    this.#runFor(segment, row, isNew).push(row, { endLine, bytes, newest });
    if (!isNew) return;
    this.line = endLine;
    this.bytes = row.bytesBefore + bytes;
    this.newest = newest;
  }

  /** The same for a run from an index file. */
  addRun(run: Run): void {
    if (run.isLive) {
      this.#cover(run.firstLine, run.endLine);
      this.#insert(run);
    }
    run.segment.runs.add(run);
    if (run.endLine > this.line) {
      this.endsAt({ line: run.endLine, bytes: run.bytesAfter, newest: run.newest! });
    }
  }

  /** Removes the lines before `line`. */
  trimTo(line: number): void {
    while (this.runs.length > 0 && this.runs[0]!.endLine <= line) this.#drop(this.runs[0]!);
    const first = this.runs[0];
    if (first === undefined || first.firstLine >= line) return;
    if (first.trimTo(first.firstIndex((row) => row.line >= line))) this.#drop(first);
  }

  // The lines from `firstLine` to `endLine` have moved to another place.
  #cover(firstLine: number, endLine: number): void {
    for (const run of this.runs) {
      if (run.endLine <= firstLine || run.firstLine >= endLine) continue;
      if (run.trimTo(run.firstIndex((row) => row.line >= endLine))) this.#drop(run);
    }
  }

  #drop(run: Run): void {
    this.runs = this.runs.filter((other) => other !== run);
    run.trimTo(run.rowCount);
    if (this.runs.length === 0) run.segment.ends.add(this);
  }

  // The run that continues at the row's line; begins a new one if there is none.
  #runFor(segment: Segment, { line, bytesBefore }: Row, isNew: boolean): Run {
    const open = isNew ? this.runs.at(-1) : this.runs.findLast((run) => run.endLine === line);
    if (open?.segment === segment && open.endLine === line && open.rows !== undefined) return open;
    const run = new Run(this, segment, line, bytesBefore);
    segment.runs.add(run);
    this.#insert(run);
    return run;
  }

  #insert(run: Run): void {
    let at = this.runs.length;
    while (at > 0 && this.runs[at - 1]!.firstLine > run.firstLine) at--;
    this.runs = [...this.runs.slice(0, at), run, ...this.runs.slice(at)];
  }

  // The first run that ends after `line`.
  #runIndex(line: number): number {
    let low = 0;
    let high = this.runs.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.runs[middle]!.endLine > line) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
