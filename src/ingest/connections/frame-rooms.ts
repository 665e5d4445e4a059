/**
 * Memory for frames that have not ended, used again. A sender that begins long frames and leaves costs fresh memory
 * otherwise, whose pages the system has to find and clear: several times the work of filling them.
 */
import { returnedMemory } from "../../core/batch/batch-memory.ts";

/** Rooms are multiples of this; shorter ones are not worth keeping. */
const roomBytes = 64 * 1024;
/** The most that is kept for reuse. */
const keptBytesMax = 4 * 1024 * 1024;

export class FrameRooms {
  /** By their sizes. */
  readonly #free = new Map<number, Buffer[]>();
  #bytes = 0;

  /** Bytes that are kept for reuse. */
  get bytes(): number {
    return this.#bytes;
  }

  /** A room of at least so many bytes. */
  take(bytes: number): Buffer {
    if (bytes < roomBytes) return Buffer.allocUnsafe(bytes);
    const wanted = Math.ceil(bytes / roomBytes) * roomBytes;
    const room = this.#free.get(wanted)?.pop();
    if (room === undefined) return Buffer.allocUnsafeSlow(wanted);
    this.#bytes -= wanted;
    return room;
  }

  /** Nobody reads the room any more. */
  takeBack(room: Buffer): void {
    if (room.length < roomBytes || this.#bytes + room.length > keptBytesMax) return;
    if (returnedMemory.isWiped) room.fill(0xdb);
    const free = this.#free.get(room.length);
    if (free === undefined) this.#free.set(room.length, [room]);
    else free.push(room);
    this.#bytes += room.length;
  }
}

/** For the connections of this process. */
export const frameRooms = new FrameRooms();
