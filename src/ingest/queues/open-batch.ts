/**
 * Batches that are being written, and their rooms. A batch stays in its room until the last of its holders releases
 * it (`core/batch/batch-memory.ts`); then the room is free for the next batch.
 */
import type { CanonicalLines } from "../../core/batch/batch.ts";
import { BatchMemory } from "../../core/batch/batch-memory.ts";
import type { Canoniser, Origin } from "../../core/batch/canonical.ts";
import type { StagedLines } from "../../core/batch/line-code.ts";
import { placesBytes } from "../../core/batch/line-places.ts";
import type { SyslogHeader } from "../../core/wire/syslog.ts";
import type { Rooms } from "./rooms.ts";

/** The most that a line takes on top of its frame: other names, a length, a time. */
const growthBytesMax = 128;

/** An upper bound for the bytes of a frame's line. */
export const lineBytesMax = (frameBytes: number, { names }: Origin): number =>
  frameBytes + names.length + growthBytesMax;

/** A connection that sent lines and gets no answer. */
export interface Sender {
  /** This many bytes of its lines are stored, or given up. */
  settle(bytes: number): void;
}

/** A smaller batch is copied out of its room: that costs less than counting its holders. */
const lentBytesMin = 4 * 1024;

/** Lines of one channel, from any number of senders, to be stored together. */
export type ClosedBatch = {
  readonly lines: CanonicalLines;
  /** The memory that the lines take. */
  readonly bytes: number;
  readonly senders: readonly Sender[];
  /** The bytes of each sender's lines. */
  readonly shares: readonly number[];
  /** Set where the lines lie in a room; counts as one hold. */
  readonly memory: BatchMemory | undefined;
};

export class OpenBatch {
  readonly #rooms: Rooms;
  #canoniser: Canoniser;
  readonly #senders: Sender[] = [];
  readonly #shares: number[] = [];
  #bytes = 0;

  /** `bytes`: the expected size of its lines. */
  constructor(rooms: Rooms, bytes: number) {
    this.#rooms = rooms;
    this.#canoniser = rooms.take(bytes);
  }

  /** Bytes of the lines. */
  get linesBytes(): number {
    return this.#canoniser.bytes;
  }

  /** Memory of the lines and their index; unused space of the room is not counted. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Adds the scanned frame; returns the memory that its line takes. */
  add(sender: Sender, bytes: Uint8Array, header: SyslogHeader, nowMs: number, origin: Origin): number {
    this.#reserve(lineBytesMax(header.end - header.start, origin));
    const before = this.#canoniser.bytes;
    this.#canoniser.addScanned(bytes, header, nowMs, origin);
    return this.#took(sender, before);
  }

  /** Adds lines of plain frames; returns the memory that they take. */
  addLines(sender: Sender, lines: StagedLines): number {
    this.#reserve(lines.bytes.length);
    const before = this.#canoniser.bytes;
    this.#canoniser.addLines(lines);
    return this.#took(sender, before, lines.count);
  }

  // Makes space for `more` bytes of lines, moving to a larger room if necessary.
  #reserve(more: number): void {
    const { linesBytesMax, bytes } = this.#canoniser;
    if (linesBytesMax - bytes < more) this.#canoniser = this.#rooms.larger(this.#canoniser, more);
  }

  #took(sender: Sender, before: number, count = 1): number {
    const taken = this.#canoniser.bytes - before + count * placesBytes;
    const last = this.#senders.length - 1;
    if (last >= 0 && this.#senders[last] === sender) this.#shares[last]! += taken;
    else {
      this.#senders.push(sender);
      this.#shares.push(taken);
    }
    this.#bytes += taken;
    return taken;
  }

  /** Closes the batch: nothing can be added afterwards. */
  close(): ClosedBatch {
    const written = this.#canoniser;
    const bytes = written.bytes;
    const senders = this.#senders;
    const shares = this.#shares;
    if (bytes < lentBytesMin) {
      const lines = written.copyOut();
      this.#rooms.takeBack(written);
      return { lines, bytes: this.#bytes, senders, shares, memory: undefined };
    }
    const room = this.#rooms.fitting(written);
    const memory = new BatchMemory(this.#rooms, room, room.roomBytes);
    return { lines: room.view(), bytes: memory.bytes, senders, shares, memory };
  }
}
