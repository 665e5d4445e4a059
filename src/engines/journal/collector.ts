/**
 * Frees the space of lines that nobody wants any more. A segment without wanted lines is removed. When more than half
 * of all bytes are unwanted, the segment with the fewest wanted bytes is carried forward and removed.
 */
import { type CarriedBatch, CarryBatches, CarryEnds } from "./carry.ts";
import { readEntry } from "./entry.ts";
import { type Journal, submitted } from "./journal.ts";
import type { Run } from "./run.ts";
import type { Segment } from "./segment.ts";

/** Bytes carried in one commit; appends get their turn between two of them. */
const carryBytesMax = 1024 * 1024;

export class Collector {
  readonly #journal: Journal;
  readonly #slackBytes: number;

  /** Up to `slackBytes` of unwanted bytes are tolerated. */
  constructor(journal: Journal, slackBytes: number) {
    this.#journal = journal;
    this.#slackBytes = slackBytes;
  }

  /** The bytes of the segments, and roughly how many of them are still wanted. */
  get room(): { readonly bytes: number; readonly liveBytes: number } {
    let bytes = 0;
    let liveBytes = 0;
    for (const segment of this.#journal.segments) {
      bytes += segment.end;
      liveBytes += Math.min(segment.end, segment.liveBytes);
    }
    return { bytes, liveBytes };
  }

  /** Removes what can be removed. Rejects when the journal cannot be written; a later call tries again. */
  async collect(signal: AbortSignal): Promise<void> {
    for (const segment of [...this.#journal.segments]) {
      if (signal.aborted) return;
      if (this.#isRemovable(segment) && !segment.isLive) await this.#remove(segment);
    }
    for (let segment = this.#poorest(); segment !== undefined && !signal.aborted; segment = this.#poorest()) {
      await this.#carry(segment, signal);
      if (!signal.aborted) await this.#remove(segment);
    }
  }

  // The full segment with the smallest share of wanted bytes, if all segments together hold too many unwanted ones.
  #poorest(): Segment | undefined {
    const { bytes, liveBytes } = this.room;
    if (bytes <= 2 * liveBytes + this.#slackBytes) return undefined;
    const full = this.#journal.segments.filter((segment) => this.#isRemovable(segment));
    const byShare = full.map((segment) => ({ segment, share: segment.liveBytes / segment.end }));
    return byShare.sort((a, b) => a.share - b.share)[0]?.segment;
  }

  // A mark of destruction must stay in its segment until the lines before it are erased: in another place it would
  // refer to other lines.
  #isRemovable(segment: Segment): boolean {
    return segment !== this.#journal.active && segment.destroyed.size === 0;
  }

  async #remove(segment: Segment): Promise<void> {
    if (segment.ends.size > 0) await submitted(this.#journal, (done) => new CarryEnds(segment, done));
    if (segment.isLive) return;
    await segment.remove();
    this.#journal.forget(segment);
  }

  async #carry(segment: Segment, signal: AbortSignal): Promise<void> {
    let batches: CarriedBatch[] = [];
    let bytes = 0;
    const flush = async () => {
      const carried = batches;
      batches = [];
      bytes = 0;
      if (carried.length > 0) await submitted(this.#journal, (done) => new CarryBatches(carried, done));
    };
    for (const run of [...segment.runs]) {
      for (let index = run.firstRow; index < run.rowCount && !signal.aborted; index++) {
        const batch = await readBatch(run, index);
        if (batch === undefined) continue;
        batches.push(batch);
        bytes += batch.entry.bytes.length;
        if (bytes >= carryBytesMax) await flush();
      }
    }
    await flush();
    // An entry that could not be read is damaged. That was reported when it was found, and nobody can have it.
    if (!signal.aborted) for (const run of segment.runs) if (run.isLive) run.channel.trimTo(run.endLine);
  }
}

async function readBatch(run: Run, index: number): Promise<CarriedBatch | undefined> {
  const { line, offset, size } = run.row(index);
  const bytes = await run.segment.read(Buffer.allocUnsafeSlow(size), offset);
  const found = readEntry(bytes, 0, offset);
  return found?.isWhole && found.entry.line === line
    ? { channel: run.channel, entry: found.entry }
    : undefined;
}
