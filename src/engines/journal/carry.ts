/**
 * Moves entries of an old segment to the newest one: the few that are still wanted, so that the old segment can be
 * removed.
 */
import { encodedBytes } from "../../core/batch/batch.ts";
import type { AppError } from "../../errors/app-error.ts";
import type { Channel } from "./channel.ts";
import { type Entry, endEntry } from "./entry.ts";
import type { Work } from "./journal.ts";
import type { EntryPlace, RecordBuilder } from "./record-builder.ts";
import type { Segment } from "./segment.ts";

/** A channel's batch in the old segment. */
export type CarriedBatch = { readonly channel: Channel; readonly entry: Entry };

/** Writes batches again, except those that are no longer wanted when their turn comes. */
export class CarryBatches implements Work {
  readonly use = "upkeep";
  readonly bytes: number;
  readonly #batches: readonly CarriedBatch[];
  readonly #done: (error?: AppError) => void;
  #places: (EntryPlace | undefined)[] = [];

  constructor(batches: readonly CarriedBatch[], done: (error?: AppError) => void) {
    this.#batches = batches;
    this.#done = done;
    this.bytes = batches.reduce((sum, { entry }) => sum + encodedBytes(entry), 0);
  }

  form(record: RecordBuilder): void {
    this.#places = this.#batches.map(({ channel, entry }) =>
      channel.isDestroyed || entry.line < channel.firstLine ? undefined : record.add(entry),
    );
  }

  stored(segment: Segment): void {
    this.#batches.forEach(({ channel, entry }, i) => {
      const place = this.#places[i];
      if (place === undefined) return;
      const { line, bytesBefore, acceptedAtMs } = entry;
      channel.add(segment, { line, bytesBefore, acceptedAtMs, ...place }, entry);
    });
    this.#done();
  }

  failed(error: AppError): void {
    this.#done(error);
  }
}

/** Writes again where channels continue whose lines were all removed. */
export class CarryEnds implements Work {
  readonly use = "upkeep";
  readonly bytes = 0;
  readonly #from: Segment;
  readonly #done: (error?: AppError) => void;
  #ends: readonly Channel[] = [];

  constructor(from: Segment, done: (error?: AppError) => void) {
    this.#from = from;
    this.#done = done;
  }

  form(record: RecordBuilder): void {
    this.#ends = [...this.#from.ends].filter((channel) => !channel.isDestroyed && channel.runs.length === 0);
    for (const { id, incarnation, line, bytes, newest } of this.#ends) {
      if (newest === undefined) continue;
      const { line: sequence, producer, firstLine } = newest;
      const place = { line: sequence, count: line - sequence, bytesBefore: bytes };
      record.add(endEntry(id, { incarnation, producer, firstLine, ...place }));
    }
  }

  stored(segment: Segment): void {
    for (const channel of this.#ends) segment.ends.add(channel);
    this.#from.ends.clear();
    this.#done();
  }

  failed(error: AppError): void {
    this.#done(error);
  }
}
