/**
 * Batches that lines are being written to, and the rooms that they are written in. A batch lies in its room until the last of
 * those who hold it gives it back (`core/batch/batch-memory.ts`); then the room waits for its next use.
 */
import type { CanonicalLines } from "../../core/batch/batch.ts";
import { BatchMemory } from "../../core/batch/batch-memory.ts";
import type { Canoniser, Origin } from "../../core/batch/canonical.ts";
import { placesPerLine } from "../../core/batch/line-places.ts";
import type { PlainFrame } from "../../core/batch/plain-frame.ts";
import type { SyslogHeader } from "../../core/wire/syslog.ts";
import type { Rooms } from "./rooms.ts";

/** A connection that sent lines and hears nothing of them. */
export interface Sender {
  /** So many bytes of its lines are stored, or given up. */
  settle(bytes: number): void;
}

/** Memory that a line takes besides its bytes: its places. */
const placesBytes = placesPerLine * Uint32Array.BYTES_PER_ELEMENT;
/** A smaller batch is copied: that costs less than to count who holds it. */
const lentBytesMin = 4 * 1024;

/** Lines of one channel, whoever sent them, that are to be stored together. */
export type ClosedBatch = {
  readonly lines: CanonicalLines;
  /** Memory that they take. */
  readonly bytes: number;
  readonly senders: readonly Sender[];
  /** The bytes of each of them. */
  readonly shares: readonly number[];
  /** With a hold, where the lines lie in a room. */
  readonly memory: BatchMemory | undefined;
};

export class OpenBatch {
  readonly #rooms: Rooms;
  #canoniser: Canoniser;
  readonly #senders: Sender[] = [];
  readonly #shares: number[] = [];
  #bytes = 0;

  /** For about so many bytes of lines. */
  constructor(rooms: Rooms, bytes: number) {
    this.#rooms = rooms;
    this.#canoniser = rooms.take(bytes);
  }

  /** Bytes of the lines. */
  get linesBytes(): number {
    return this.#canoniser.bytes;
  }

  /** Memory of the lines, without room that is left. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Makes space for a line of so many bytes: in a larger room, where there is none; the smaller one goes back. */
  reserve(lineBytes: number): void {
    const { linesBytesMax, bytes } = this.#canoniser;
    if (linesBytesMax - bytes < lineBytes) this.#canoniser = this.#rooms.larger(this.#canoniser, lineBytes);
  }

  /** Adds the frame that was scanned; returns the memory that its line takes. */
  add(
    sender: Sender,
    bytes: Uint8Array,
    end: number,
    header: SyslogHeader,
    nowMs: number,
    origin: Origin,
  ): number {
    const before = this.#canoniser.bytes;
    this.#canoniser.addScanned(bytes, end, header, nowMs, origin);
    return this.#took(sender, before);
  }

  /** The same of a plain frame; 0, and nothing is added, where its line is not to be plain. */
  addPlain(sender: Sender, bytes: Uint8Array, frame: PlainFrame, origin: Origin): number {
    const before = this.#canoniser.bytes;
    return this.#canoniser.addPlain(bytes, frame, origin) ? this.#took(sender, before) : 0;
  }

  #took(sender: Sender, before: number): number {
    const taken = this.#canoniser.bytes - before + placesBytes;
    const last = this.#senders.length - 1;
    if (last >= 0 && this.#senders[last] === sender) this.#shares[last]! += taken;
    else {
      this.#senders.push(sender);
      this.#shares.push(taken);
    }
    this.#bytes += taken;
    return taken;
  }

  /** The lines, for good. Nothing can be added afterwards. */
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
