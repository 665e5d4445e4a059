/**
 * Reused memory that lines are written into. Rooms of each power of two are kept, all together within a bound; beyond
 * it, those that have been unused for longest are left to the garbage collector. If no room is free, a new one is
 * allocated.
 */
import { type MemoryHome, returnedMemory } from "../../core/batch/batch-memory.ts";
import { Canoniser, powerOfTwo } from "../../core/batch/canonical.ts";

/** Memory of the rooms that are free, with the space for their line indexes. */
export const freeBytesMax = 16 * 1024 * 1024;
/** The first class has rooms of a KiB, the last one of a MiB and more. */
const smallestShift = 10;
const largestShift = 20;
const last = largestShift - smallestShift;
/** A larger room than this is not kept. */
const largestKept = 2 << largestShift;

export class Rooms implements MemoryHome<Canoniser> {
  /** By size. The room that was returned last is taken first, so the first of a class is its oldest. */
  readonly #classes: Canoniser[][] = Array.from({ length: last + 1 }, () => []);
  /** When each room was returned, as a running number. */
  readonly #returnedAs: number[][] = this.#classes.map(() => []);
  #returns = 0;
  #bytes = 0;
  #outstanding = 0;

  /** Bytes of the rooms that are free. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Rooms that were taken and not returned; some never are. */
  get outstanding(): number {
    return this.#outstanding;
  }

  /** An empty room with space for `bytes` of lines and a quarter more, or about that. */
  take(bytes: number): Canoniser {
    return this.#take(powerOfTwo(bytes + (bytes >> 2)));
  }

  /**
   * Moves the lines of `written` to a room that they fill at least half of. They stay where they are unless their
   * room is too large.
   */
  fitting(written: Canoniser): Canoniser {
    if (2 * written.bytes >= written.linesBytesMax) return written;
    const room = this.#take(powerOfTwo(written.bytes));
    room.copyOf(written);
    this.takeBack(written);
    return room;
  }

  /**
   * Moves the lines of `written` to a larger room with space for `more` bytes. At the largest size they stay in their
   * room, which grows by itself.
   */
  larger(written: Canoniser, more: number): Canoniser {
    if (written.linesBytesMax >= 1 << largestShift) return written;
    const room = this.#take(powerOfTwo(Math.max(written.bytes + more, 2 * written.linesBytesMax)));
    room.copyOf(written);
    this.takeBack(written);
    return room;
  }

  /** Call when nobody reads or writes in the room any more. */
  takeBack(room: Canoniser): void {
    this.#outstanding--;
    room.clear();
    if (returnedMemory.isWiped) room.wipe();
    if (room.linesBytesMax > largestKept) return;
    while (this.#bytes + room.roomBytes > freeBytesMax) this.#dropOldest();
    const to = classOf(room.linesBytesMax);
    this.#classes[to]!.push(room);
    this.#returnedAs[to]!.push(this.#returns++);
    this.#bytes += room.roomBytes;
  }

  #take(bytes: number): Canoniser {
    this.#outstanding++;
    const wanted = classOf(bytes);
    const room = this.#classes[wanted]!.pop();
    if (room === undefined) return new Canoniser("", Buffer.allocUnsafeSlow(1 << (wanted + smallestShift)));
    this.#returnedAs[wanted]!.pop();
    this.#bytes -= room.roomBytes;
    return room;
  }

  // The load changes the sizes that batches have, so the room that has been unused for longest goes.
  #dropOldest(): void {
    let oldest = 0;
    let returnedAs = Number.POSITIVE_INFINITY;
    for (let at = 0; at <= last; at++) {
      const first = this.#returnedAs[at]![0];
      if (first === undefined || first >= returnedAs) continue;
      oldest = at;
      returnedAs = first;
    }
    this.#returnedAs[oldest]!.shift();
    this.#bytes -= this.#classes[oldest]!.shift()!.roomBytes;
  }
}

const classOf = (bytes: number): number =>
  Math.min(last, Math.max(0, 31 - Math.clz32(bytes) - smallestShift));
