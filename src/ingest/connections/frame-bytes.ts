/**
 * The bytes of a stream on their way to frames, however its chunks fall. Holds at most one unfinished frame besides
 * the last chunk, in memory that is used again. Protocols say where their frames end.
 */
import { type FrameRooms, frameRooms } from "./frame-rooms.ts";

/**
 * The result of `next`: a frame [start, end) of `bytes`, no whole frame yet, a frame over the bound, or another
 * protocol.
 */
export type NextFrame = "frame" | "more" | "too_long" | "foreign";

const nothing = new Uint8Array(0);
const noRoom = Buffer.alloc(0);

export abstract class FrameBytes {
  /** The frame that `next` found, or the beginning of a foreign stream; valid until the next `next`. */
  bytes: Uint8Array = nothing;
  start = 0;
  end = 0;
  /** How the newest frame was delimited. */
  abstract readonly framing: "octet" | "newline" | "relp";
  /** The place in `bytes` after the newest frame. */
  at = 0;
  readonly #rooms: FrameRooms;
  // The unfinished frame: `#kept` bytes of `#room`. There is no point in looking at it before it has `#needed` bytes.
  #room: Buffer = noRoom;
  #kept = 0;
  #needed = 0;
  /** The room that `bytes` lie in, if they do. */
  #looked: Buffer = noRoom;
  /** Bytes after the frame that was completed, which came in the same chunk as its end. */
  #rest: Uint8Array = nothing;

  constructor(rooms: FrameRooms = frameRooms) {
    this.#rooms = rooms;
  }

  /** Finds the next frame. */
  abstract next(): NextFrame;

  /** True when a frame has begun and not ended. */
  get isUnfinished(): boolean {
    return this.#kept > 0;
  }

  /** Memory that an unfinished frame takes. */
  get unfinishedBytes(): number {
    return this.#kept > 0 ? this.#room.length : 0;
  }

  /** Releases the chunk, whose frames were all taken. */
  release(): void {
    this.bytes = nothing;
    this.#rest = nothing;
    this.at = 0;
    this.#rooms.takeBack(this.#looked);
    this.#looked = noRoom;
  }

  /**
   * Copies what was pushed, because the chunk's memory is only valid in this turn. The frame that `next` found is
   * kept.
   */
  own(): void {
    if (this.#looked.length === 0) {
      this.#looked = this.#rooms.take(this.bytes.length);
      this.#looked.set(this.bytes);
      this.bytes = this.#looked.subarray(0, this.bytes.length);
    }
    if (this.#rest.length > 0) this.#rest = Buffer.from(this.#rest);
  }

  /** Gives up the unfinished frame, if there is one. */
  drop(): void {
    this.release();
    this.#rooms.takeBack(this.#room);
    this.#room = noRoom;
    this.#kept = 0;
  }

  /** Adds a chunk. Every frame of the previous bytes must have been taken with `next`. */
  push(chunk: Uint8Array): void {
    if (this.#kept === 0) {
      this.release();
      this.bytes = chunk;
      return;
    }
    // Copies only the end of the frame behind its beginning.
    const missing = this.#needed - this.#kept;
    if (chunk.length < missing) {
      this.keep(chunk, this.#needed);
      return;
    }
    this.keep(chunk.subarray(0, missing), this.#needed);
    this.lookAtKept();
    this.#rest = chunk.subarray(missing);
  }

  protected get keptBytes(): number {
    return this.#kept;
  }

  /** Moves on to the bytes after the completed frame; false when there are none. */
  protected goToRest(): boolean {
    const rest = this.#rest;
    if (rest.length === 0) return false;
    this.#rest = nothing;
    this.push(rest);
    return true;
  }

  /** The rest of `bytes` begins a frame of which at least this much is missing. */
  protected keepRest(bytesMissing: number): "more" {
    const rest = this.bytes.subarray(this.at);
    this.at = this.bytes.length;
    this.#needed = rest.length + bytesMissing;
    this.keep(rest, this.#needed);
    return "more";
  }

  /** The unfinished frame is to be looked at. */
  protected lookAtKept(): void {
    this.release();
    this.bytes = this.#room.subarray(0, this.#kept);
    this.#kept = 0;
    this.#looked = this.#room; // frames are views of it until `next` goes on
    this.#room = noRoom;
  }

  /** `expected`: the least size of the whole frame. */
  protected keep(more: Uint8Array, expected: number): void {
    const length = this.#kept + more.length;
    if (length > this.#room.length) {
      const larger = this.#rooms.take(Math.max(length, Math.min(expected, 2 * length)));
      this.#room.copy(larger, 0, 0, this.#kept);
      this.#rooms.takeBack(this.#room);
      this.#room = larger;
    }
    this.#room.set(more, this.#kept);
    this.#kept = length;
  }
}
