/** One batch on its way to the disk. */
import { type Batch, encodedBytes, markOf } from "../../core/batch/batch.ts";
import type { BatchMemory } from "../../core/batch/batch-memory.ts";
import type { ChannelId } from "../../core/ids.ts";
import { logOf, type Position, positionAt } from "../../core/position.ts";
import type { AppError } from "../../errors/app-error.ts";
import type { Appended } from "../../ports.ts";
import type { Channel } from "./channel.ts";
import type { Channels } from "./channels.ts";
import type { DedupWindow } from "./dedup-window.ts";
import { linesEntry, storedForm } from "./entry.ts";
import type { Work } from "./journal.ts";
import type { JournalClock } from "./journal-clock.ts";
import type { LiveChannel } from "./live.ts";
import type { EntryPlace, RecordBuilder } from "./record-builder.ts";
import type { Segment } from "./segment.ts";

export type AppendParts = {
  readonly channels: Channels;
  readonly dedup: DedupWindow;
  readonly live: ReadonlyMap<ChannelId, LiveChannel>;
  readonly times: JournalClock;
  /** Called when a channel has grown, and may be over its limits. */
  readonly grown: (channel: Channel) => void;
};

export class Append implements Work {
  readonly use = "intake";
  readonly bytes: number;
  readonly failed: (error: AppError) => void;
  readonly #parts: AppendParts;
  readonly channel: ChannelId;
  #batch: Batch;
  /** From the commit on, the hold on it belongs to this append. */
  readonly #memory: BatchMemory | undefined;
  readonly #resolve: (appended: Appended) => void;
  /** Set by `form`: the place in the channel, or that of the append that this one repeats. */
  #channel: Channel | undefined;
  #place: EntryPlace | undefined;
  #line = 0;
  #count = 0;
  #bytesBefore = 0;
  #storedAtMs = 0;

  constructor(
    parts: AppendParts,
    channel: ChannelId,
    batch: Batch,
    memory: BatchMemory | undefined,
    resolve: (appended: Appended) => void,
    reject: (error: AppError) => void,
  ) {
    this.#parts = parts;
    this.channel = channel;
    this.#batch = batch;
    this.#memory = memory;
    this.#resolve = resolve;
    this.bytes = encodedBytes(batch);
    this.failed = (error) => {
      this.#undo();
      reject(error);
    };
  }

  form(record: RecordBuilder): void {
    const acceptedAtMs = this.#parts.times.age.accepted(this.#batch.acceptedAtMs);
    if (acceptedAtMs !== this.#batch.acceptedAtMs) this.#batch = { ...this.#batch, acceptedAtMs };
    const { channels, dedup, times } = this.#parts;
    const { count, dedupId } = this.#batch;
    const channel = channels.forming(this.channel);
    this.#channel = channel;
    const before = dedupId === undefined ? undefined : dedup.find(channel.instance, dedupId, times.ranMs);
    if (before !== undefined) {
      this.#line = before.line;
      this.#count = before.count;
      return;
    }
    this.#line = channel.nextLine;
    this.#count = count;
    this.#bytesBefore = channel.nextBytes;
    this.#place = record.add(linesEntry(channel, this.#batch, this.#line, this.#bytesBefore));
    channel.nextLine += count;
    channel.nextBytes += this.bytes;
    if (dedupId === undefined) return;
    this.#storedAtMs = times.ranMs;
    dedup.add(channel.instance, dedupId, { line: this.#line, count }, this.#storedAtMs);
  }

  stored(segment: Segment): void {
    const { incarnation } = this.#channel!;
    const repeated = this.#place === undefined;
    if (this.#place !== undefined) this.#publish(this.#channel!, this.#place, segment);
    this.#resolve(new Stored(incarnation, this.#line, this.#count, repeated ? undefined : this.#batch));
    this.#memory?.release();
  }

  #publish(channel: Channel, { offset, size }: EntryPlace, segment: Segment): void {
    const { channels, live, grown } = this.#parts;
    const { acceptedAtMs } = this.#batch;
    channels.add(channel);
    const row = { line: this.#line, bytesBefore: this.#bytesBefore, acceptedAtMs, offset, size };
    channel.add(segment, row, this.#batch);
    const { dedupId: id } = this.#batch;
    if (id !== undefined) {
      segment.dedupIds.push({ channel, id, line: row.line, count: this.#count, atMs: this.#storedAtMs });
    }
    grown(channel);
    live
      .get(this.channel)
      ?.publish(channel, storedForm(this.#batch, row.line, channel.incarnation, this.#memory));
  }

  // The commit failed, so the channel ends where it ends on the disk.
  #undo(): void {
    if (this.#place === undefined) return;
    this.#channel!.forgetNext();
    const { dedupId } = this.#batch;
    if (dedupId !== undefined) this.#parts.dedup.remove(this.#channel!.instance, dedupId);
  }
}

/** The place of an append, computed only when somebody asks for it. */
class Stored implements Appended {
  readonly repeated: boolean;
  readonly #incarnation: string;
  readonly #line: number;
  readonly #count: number;
  readonly #batch: Pick<Batch, "producer" | "firstLine"> | undefined;

  /** `batch` is absent for a repeat. */
  constructor(
    incarnation: string,
    line: number,
    count: number,
    batch: Pick<Batch, "producer" | "firstLine"> | undefined,
  ) {
    this.repeated = batch === undefined;
    this.#incarnation = incarnation;
    this.#line = line;
    this.#count = count;
    this.#batch = batch;
  }

  get position(): Position {
    const mark = this.#batch === undefined ? undefined : markOf(this.#batch);
    return positionAt(this.#line, this.#count, logOf(this.#incarnation, mark));
  }
}
