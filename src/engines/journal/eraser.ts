/** Overwrites the lines of destroyed channels in their segments, including trimmed ones. */
import type { Logger } from "pino";
import type { ChannelId } from "../../core/ids.ts";
import type { Channel } from "./channel.ts";
import { entryHeaderBytes, headerBytesMax } from "./entry.ts";
import type { Journal } from "./journal.ts";
import type { Run } from "./run.ts";
import type { Segment } from "./segment.ts";

const zeros = Buffer.alloc(64 * 1024);

export class Eraser {
  readonly #journal: Journal;
  readonly #logger: Logger | undefined;
  readonly #waiting: Channel[];
  /** Erased channels, with the segments whose index files may still mention them. */
  #erased: { readonly id: ChannelId; readonly segments: readonly Segment[] }[] = [];

  constructor(journal: Journal, destroyed: readonly Channel[], logger: Logger | undefined) {
    this.#journal = journal;
    this.#waiting = [...destroyed];
    this.#logger = logger;
  }

  /** Adds a destroyed channel, which nobody reads any more. */
  add(channel: Channel): void {
    this.#waiting.push(channel);
  }

  /** True while the segment has lines of a destroyed channel: its index must not be written yet. */
  awaits({ runs }: Segment): boolean {
    for (const { channel } of runs) if (this.#waiting.includes(channel)) return true;
    return false;
  }

  /**
   * Erases everything that is waiting; returns the segments whose index files mention what was erased. After a
   * failure the rest stays for the next time.
   */
  async erase(signal: AbortSignal): Promise<readonly Segment[]> {
    const touched = new Set<Segment>();
    while (this.#waiting.length > 0 && !signal.aborted) {
      const channel = this.#waiting[0]!;
      try {
        const segments = await this.#eraseChannel(channel);
        for (const segment of segments) touched.add(segment);
        this.#erased.push({ id: channel.id, segments });
      } catch (err) {
        this.#logger?.error({ err }, "lines of a destroyed app could not be erased; it is tried again");
        break;
      }
      this.#waiting.shift();
    }
    return [...touched];
  }

  /**
   * Except in `unindexed` segments, no index mentions what was erased any more, so the marks of destruction can go.
   */
  indexed(unindexed: ReadonlySet<Segment>): void {
    const isOpen = (segment: Segment) => unindexed.has(segment) && !segment.isRemoved;
    const open = this.#erased.filter(({ segments }) => segments.some(isOpen));
    const needed = new Set([...open, ...this.#waiting].map(({ id }) => id));
    for (const { id } of this.#erased) {
      if (needed.has(id)) continue;
      for (const segment of this.#journal.segments) segment.destroyed.delete(id);
    }
    this.#erased = this.#erased.filter(({ id }) => needed.has(id));
  }

  async #eraseChannel(channel: Channel): Promise<Segment[]> {
    const runs: Run[] = [];
    for (const segment of this.#journal.segments) {
      for (const run of segment.runs) if (run.channel === channel) runs.push(run);
    }
    for (const run of runs) await eraseRun(run);
    for (const run of runs) run.segment.runs.delete(run);
    return [...new Set(runs.map(({ segment }) => segment))];
  }
}

// Erases one payload at a time: whatever a crash tears, headers stay whole and tell whose lines must be erased again.
async function eraseRun(run: Run): Promise<void> {
  const { segment } = run;
  const head = Buffer.allocUnsafe(headerBytesMax);
  for (let index = 0; index < run.rowCount; index++) {
    const { offset, size } = run.row(index);
    const headerBytes = entryHeaderBytes(await segment.read(head, offset), 0, offset) ?? 0;
    for (let at = headerBytes; at < size; at += zeros.length) {
      await segment.overwrite([zeros.subarray(0, Math.min(zeros.length, size - at))], offset + at);
    }
  }
  await segment.sync();
}
