/** Moves lines that another store kept into the journal, each at its place. */
import { encodedBytes, type StoredBatch } from "../../core/batch/batch.ts";
import type { AppError } from "../../errors/app-error.ts";
import type { Channel, ChannelTail } from "./channel.ts";
import { endEntry, linesEntry } from "./entry.ts";
import type { Work } from "./journal.ts";
import type { EntryPlace, RecordBuilder } from "./record-builder.ts";
import type { Segment } from "./segment.ts";

/** A batch, and the bytes that its channel had before it. */
export type ImportedBatch = { readonly batch: StoredBatch; readonly bytesBefore: number };

/** Batches of one channel, in order, after everything that it has. */
export class ImportBatches implements Work {
  readonly use = "upkeep";
  readonly bytes: number;
  readonly #channel: Channel;
  readonly #batches: readonly ImportedBatch[];
  readonly #done: (error?: AppError) => void;
  #places: EntryPlace[] = [];

  constructor(channel: Channel, batches: readonly ImportedBatch[], done: (error?: AppError) => void) {
    this.#channel = channel;
    this.#batches = batches;
    this.#done = done;
    this.bytes = batches.reduce((sum, { batch }) => sum + encodedBytes(batch), 0);
  }

  form(record: RecordBuilder): void {
    this.#places = this.#batches.map(({ batch, bytesBefore }) =>
      record.add(linesEntry(this.#channel, batch, batch.line, bytesBefore)),
    );
  }

  stored(segment: Segment): void {
    this.#batches.forEach(({ batch, bytesBefore }, i) => {
      const { line, acceptedAtMs } = batch;
      this.#channel.add(segment, { line, bytesBefore, acceptedAtMs, ...this.#places[i]! }, batch);
    });
    this.#channel.forgetNext();
    this.#done();
  }

  failed(error: AppError): void {
    this.#done(error);
  }
}

/** The end of a channel without lines. */
export class ImportEnd implements Work {
  readonly use = "upkeep";
  readonly bytes = 0;
  readonly #channel: Channel;
  readonly #tail: ChannelTail;
  readonly #done: (error?: AppError) => void;

  constructor(channel: Channel, tail: ChannelTail, done: (error?: AppError) => void) {
    this.#channel = channel;
    this.#tail = tail;
    this.#done = done;
  }

  form(record: RecordBuilder): void {
    const { line, bytes, newest } = this.#tail;
    const place = { line: newest.line, count: line - newest.line, bytesBefore: bytes };
    const { incarnation } = this.#channel;
    record.add(endEntry(this.#channel.id, { ...newest, ...place, incarnation }));
  }

  stored(segment: Segment): void {
    this.#channel.endsAt(this.#tail);
    segment.ends.add(this.#channel);
    this.#done();
  }

  failed(error: AppError): void {
    this.#done(error);
  }
}
