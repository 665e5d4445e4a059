/**
 * Memory that lines are written into, reused. For each power of two some rooms are kept, all together within a bound;
 * beyond it, those kept longest are left to the garbage collector. If none is free, a new one is allocated.
 */
import { type MemoryHome, returnedMemory } from "../../core/batch/batch-memory.ts";
import { Canoniser, powerOfTwo } from "../../core/batch/canonical.ts";

/** Rooms that wait, with what is for the places of their lines. */
export const waitingBytesMax = 16 * 1024 * 1024;
/** The first class has rooms of a KiB, the last one of a MiB and more. */
const smallestShift = 10;
const largestShift = 20;
const last = largestShift - smallestShift;
/** A larger room than this is let go. */
const largestKept = 2 << largestShift;

export class Rooms implements MemoryHome<Canoniser> {
  /** The one that came home last is taken first, so that the oldest of a class is its first. */
  readonly #classes: Canoniser[][] = Array.from({ length: last + 1 }, () => []);
  /** The number of the homecoming of each. */
  readonly #cameAs: number[][] = this.#classes.map(() => []);
  #cameHome = 0;
  #bytes = 0;
  #out = 0;

  /** Bytes of the rooms that wait. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Rooms that were taken and did not come home: some never do. */
  get out(): number {
    return this.#out;
  }

  /** An empty room for `bytes` of lines and a quarter more, or about as large. */
  take(bytes: number): Canoniser {
    return this.#take(powerOfTwo(bytes + (bytes >> 2)));
  }

  /** The lines of `written` in a room that they fill half of, at least: in that one, unless it is too large. */
  fitting(written: Canoniser): Canoniser {
    if (2 * written.bytes >= written.linesBytesMax) return written;
    const room = this.#take(powerOfTwo(written.bytes));
    room.copyOf(written);
    this.takeBack(written);
    return room;
  }

  /** The lines of `written` in a larger room, with space for `more` bytes; in the same one, which grows by itself, if none is. */
  larger(written: Canoniser, more: number): Canoniser {
    if (written.linesBytesMax >= 1 << largestShift) return written;
    const room = this.#take(powerOfTwo(Math.max(written.bytes + more, 2 * written.linesBytesMax)));
    room.copyOf(written);
    this.takeBack(written);
    return room;
  }

  /** Nobody reads or writes in the room any more. */
  takeBack(room: Canoniser): void {
    this.#out--;
    room.clear();
    if (returnedMemory.isWiped) room.wipe();
    if (room.linesBytesMax > largestKept) return;
    while (this.#bytes + room.roomBytes > waitingBytesMax) this.#letGo();
    const to = classOf(room.linesBytesMax);
    this.#classes[to]!.push(room);
    this.#cameAs[to]!.push(this.#cameHome++);
    this.#bytes += room.roomBytes;
  }

  #take(bytes: number): Canoniser {
    this.#out++;
    const wanted = classOf(bytes);
    const room = this.#classes[wanted]!.pop();
    if (room === undefined) return new Canoniser("", Buffer.allocUnsafeSlow(1 << (wanted + smallestShift)));
    this.#cameAs[wanted]!.pop();
    this.#bytes -= room.roomBytes;
    return room;
  }

  // The sizes that batches have change with the load: the room that nobody has wanted for longest makes way.
  #letGo(): void {
    let oldest = 0;
    let cameAs = Number.POSITIVE_INFINITY;
    for (let at = 0; at <= last; at++) {
      const first = this.#cameAs[at]![0];
      if (first === undefined || first >= cameAs) continue;
      oldest = at;
      cameAs = first;
    }
    this.#cameAs[oldest]!.shift();
    this.#bytes -= this.#classes[oldest]!.shift()!.roomBytes;
  }
}

const classOf = (bytes: number): number =>
  Math.min(last, Math.max(0, 31 - Math.clz32(bytes) - smallestShift));
