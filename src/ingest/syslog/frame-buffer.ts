import { frameEndFrom, framingAt, isFrameEnd, scanFrame, withoutReturn } from "../../core/wire/frame.ts";
import { type ForeignProtocol, foreignProtocol } from "../connections/foreign-protocol.ts";
import { type FrameRooms, frameRooms } from "./frame-rooms.ts";

/**
 * The result of `next`: a frame [start, end) of `bytes`, no whole frame yet, a frame over the bound, or another
 * protocol.
 */
type NextFrame = "frame" | "more" | "too_long" | "foreign";

const nothing = new Uint8Array(0);
const noRoom = Buffer.alloc(0);
const space = 0x20;
const zero = 0x30;
const opening = 0x3c;

/**
 * Cuts a stream into frames, however its chunks fall. A frame is counted, or ends with a newline or NUL; each frame
 * is looked at for itself. A frame over the bound ends the stream. Holds at most one unfinished frame besides the
 * last chunk.
 */
export class FrameBuffer {
  /** The frame that `next` found, or the beginning of a foreign stream; valid until the next `push`. */
  bytes: Uint8Array = nothing;
  start = 0;
  end = 0;
  /** How the newest frame was delimited. */
  framing: "octet" | "newline" = "octet";
  /** The protocol of a `foreign` stream. */
  foreign: ForeignProtocol = "http";
  readonly #frameBytesMax: number;
  readonly #rooms: FrameRooms;
  #at = 0;
  #isFirst = true;
  // The unfinished frame: `#kept` bytes of `#room`. There is no point in looking at it before it has `#needed` bytes,
  // or its end if it is not counted.
  #room: Buffer = noRoom;
  #kept = 0;
  #needed = 0;
  #awaitsEnd = false;
  /** Bytes after the frame that was completed, which came in the same chunk as its end. */
  #rest: Uint8Array = nothing;

  constructor(frameBytesMax: number, rooms: FrameRooms = frameRooms) {
    this.#frameBytesMax = frameBytesMax;
    this.#rooms = rooms;
  }

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
    this.#at = 0;
  }

  /**
   * Copies what was pushed, because the chunk's memory is only valid in this turn. The frame that `next` found is
   * kept.
   */
  own(): void {
    this.bytes = Buffer.from(this.bytes);
    if (this.#rest.length > 0) this.#rest = Buffer.from(this.#rest);
  }

  /** Gives up the unfinished frame, if there is one. */
  drop(): void {
    this.#rooms.takeBack(this.#room);
    this.#room = noRoom;
    this.#kept = 0;
  }

  /** Adds a chunk. Every frame of the previous bytes must have been taken with `next`. */
  push(chunk: Uint8Array): void {
    if (this.#kept === 0) {
      this.bytes = chunk;
      this.#at = 0;
      return;
    }
    if (this.#awaitsEnd) {
      const isLooked =
        frameEndFrom(chunk, 0) !== -1 || this.#kept + chunk.length > this.#frameBytesMax || this.#kept === 1;
      this.#keep(chunk);
      if (isLooked) this.#lookAtKept();
      return;
    }
    // Copies only the end of the frame behind its beginning.
    const missing = this.#needed - this.#kept;
    if (chunk.length < missing) {
      this.#keep(chunk);
      return;
    }
    this.#keep(chunk.subarray(0, missing));
    this.#rest = chunk.subarray(missing);
    this.#lookAtKept();
  }

  /** Finds the next frame. */
  next(): NextFrame {
    for (;;) {
      if (this.#at >= this.bytes.length && !this.#goToRest()) return "more";
      if (this.#isPlain()) return "frame";
      if (isFrameEnd(this.bytes[this.#at])) {
        this.#at++;
        continue;
      }
      const framing = framingAt(this.bytes, this.#at, this.#frameBytesMax, this.framing === "newline");
      const found =
        framing === "unknown" ? this.#keepRest(1) : framing === "octet" ? this.#counted() : this.#line();
      if (found !== undefined && (found !== "more" || !this.#goToRest())) return found;
    }
  }

  /** Call when the stream has ended properly: an unfinished frame that is not counted is then complete. */
  finish(): boolean {
    if (!this.#awaitsEnd || this.#kept === 0) return false;
    this.#lookAtKept();
    this.#at = this.bytes.length;
    this.start = 0;
    this.end = withoutReturn(this.bytes, 0, this.bytes.length);
    return true;
  }

  // Finds a counted frame that begins with a PRI and has arrived whole, as nearly all do. A shortcut with the same
  // result as `framingAt` and `scanFrame`.
  #isPlain(): boolean {
    const { bytes } = this;
    let at = this.#at;
    let length = 0;
    for (let digit = bytes[at]! - zero; digit >= 0 && digit <= 9; digit = bytes[++at]! - zero) {
      length = length * 10 + digit;
      if (length === 0 || length > this.#frameBytesMax) return false;
    }
    const start = at + 1;
    const end = start + length;
    if (bytes[at] !== space || bytes[start] !== opening || end > bytes.length || length === 0) return false;
    this.framing = "octet";
    this.#isFirst = false;
    this.start = start;
    this.end = end;
    this.#at = end;
    return true;
  }

  // Moves on to the bytes after the completed frame; false when there are none.
  #goToRest(): boolean {
    const rest = this.#rest;
    if (rest.length === 0) return false;
    this.#rest = nothing;
    this.push(rest);
    return true;
  }

  #counted(): NextFrame {
    const scan = scanFrame(this.bytes, this.#at, this.#frameBytesMax);
    if (scan.kind === "bad") return "too_long";
    this.framing = "octet";
    this.#isFirst = false;
    if (scan.kind === "more") return this.#keepRest(scan.bytesMissing);
    this.start = scan.start;
    this.end = scan.end;
    this.#at = scan.end;
    return "frame";
  }

  // Undefined when it has skipped an empty line.
  #line(): NextFrame | undefined {
    const { bytes } = this;
    const start = this.#at;
    const end = frameEndFrom(bytes, start);
    const foreign = this.#isFirst ? foreignProtocol(bytes, start, end) : undefined;
    if (foreign !== undefined) {
      this.foreign = foreign;
      this.start = start;
      this.end = bytes.length;
      return "foreign";
    }
    if ((end === -1 ? bytes.length : end) - start > this.#frameBytesMax) return "too_long";
    if (end === -1) {
      this.#keepRest(1);
      this.#awaitsEnd = true;
      return "more";
    }
    this.#isFirst = false;
    this.framing = "newline";
    this.#at = end + 1;
    this.start = start;
    this.end = withoutReturn(bytes, start, end);
    return this.end > start ? "frame" : undefined;
  }

  #keepRest(bytesMissing: number): "more" {
    const rest = this.bytes.subarray(this.#at);
    this.#at = this.bytes.length;
    this.#needed = rest.length + bytesMissing;
    this.#awaitsEnd = false;
    this.#keep(rest);
    return "more";
  }

  #lookAtKept(): void {
    this.bytes = this.#room.subarray(0, this.#kept);
    this.#at = 0;
    this.#kept = 0;
    this.#room = noRoom; // a new buffer, because frames are views of the old one
  }

  #keep(more: Uint8Array): void {
    const length = this.#kept + more.length;
    if (length > this.#room.length) {
      const wanted = this.#awaitsEnd ? 2 * length : Math.min(this.#needed, 2 * length);
      const larger = this.#rooms.take(Math.max(length, wanted));
      this.#room.copy(larger, 0, 0, this.#kept);
      this.#rooms.takeBack(this.#room);
      this.#room = larger;
    }
    this.#room.set(more, this.#kept);
    this.#kept = length;
  }
}
