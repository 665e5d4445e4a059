/** Overwrites the lines of destroyed channels where they stand, trimmed ones too. */
import type { Logger } from "pino";
import type { Channel } from "./channels.ts";
import { erasedEntry } from "./entry.ts";
import type { Journal } from "./journal.ts";
import type { Run } from "./run.ts";
import type { Segment } from "./segment.ts";

/** Overwritten in one call. */
const pieceBytesMax = 1024 * 1024;

export class Eraser {
  readonly #journal: Journal;
  readonly #logger: Logger | undefined;
  readonly #waiting: Channel[];

  constructor(journal: Journal, destroyed: readonly Channel[], logger: Logger | undefined) {
    this.#journal = journal;
    this.#waiting = [...destroyed];
    this.#logger = logger;
  }

  /** The channel is destroyed: nobody reads it any more. */
  add(channel: Channel): void {
    this.#waiting.push(channel);
  }

  get isDone(): boolean {
    return this.#waiting.length === 0;
  }

  /** Lines of a destroyed channel still stand in it: its index is not written yet. */
  awaits(segment: Segment): boolean {
    return this.#waiting.some((channel) => runsOf(channel).some((run) => run.segment === segment));
  }

  /** Erases all that waits; gives the segments whose index files speak of what is gone. What fails stays for the next time. */
  async erase(signal: AbortSignal): Promise<readonly Segment[]> {
    const touched = new Set<Segment>();
    while (this.#waiting.length > 0 && !signal.aborted) {
      const channel = this.#waiting[0]!;
      try {
        for (const run of runsOf(channel)) {
          if (!run.segment.isRemoved) await eraseRun(run);
          run.segment.runs.delete(run);
          touched.add(run.segment);
        }
      } catch (err) {
        this.#logger?.error({ err }, "lines of a destroyed app could not be erased; it is tried again");
        break;
      }
      this.#waiting.shift();
      channel.runs.length = 0;
      channel.trimmed.clear();
      for (const segment of this.#journal.segments) segment.destroyed.delete(channel.id);
    }
    return [...touched].filter((segment) => !segment.isRemoved);
  }
}

const runsOf = (channel: Channel): Run[] => [...channel.runs, ...channel.trimmed];

async function eraseRun(run: Run): Promise<void> {
  const { segment } = run;
  let piece: Buffer[] = [];
  let bytes = 0;
  let start = 0;
  const flush = async () => {
    if (piece.length > 0) await segment.overwrite(piece, start);
    piece = [];
    bytes = 0;
  };
  for (let index = 0; index < run.rowCount; index++) {
    const { offset, size } = run.row(index);
    if (piece.length > 0 && (start + bytes !== offset || bytes + size > pieceBytesMax)) await flush();
    if (piece.length === 0) start = offset;
    piece.push(erasedEntry(size, offset));
    bytes += size;
  }
  await flush();
  await segment.sync();
}
