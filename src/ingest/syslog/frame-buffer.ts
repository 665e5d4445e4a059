import { frameEndFrom, framingAt, isFrameEnd, scanFrame, withoutReturn } from "../../core/wire/frame.ts";
import { type ForeignProtocol, foreignProtocol } from "../connections/foreign-protocol.ts";

/** The next bytes of a stream: a frame [start, end) of `bytes`, nothing whole, no end in sight, or no syslog at all. */
type NextFrame = "frame" | "more" | "too_long" | "foreign";

const nothing = new Uint8Array(0);
const space = 0x20;
const zero = 0x30;
const opening = 0x3c;

/**
 * Cuts a stream of any chunking into frames: counted ones, and those that end with a newline or NUL, told apart for each
 * of them. A frame over the bound is the end of the stream. Holds at most one unfinished frame besides the last chunk.
 */
export class FrameBuffer {
  /** The place of the frame, or of the foreign beginning, that `next` found; valid until the next `push`. */
  bytes: Uint8Array = nothing;
  start = 0;
  end = 0;
  /** How the newest frame was told from the next. */
  framing: "octet" | "newline" = "octet";
  /** The language of a stream that is `foreign`. */
  foreign: ForeignProtocol = "http";
  readonly #frameBytesMax: number;
  #at = 0;
  #isFirst = true;
  // The unfinished frame: `#kept` bytes of `#room`, of which `#needed` have to be there before it is worth a look, or,
  // where it is not counted, its end.
  #room: Buffer = Buffer.alloc(0);
  #kept = 0;
  #needed = 0;
  #awaitsEnd = false;
  /** Behind the frame that was finished: what came with its end. */
  #rest: Uint8Array = nothing;

  constructor(frameBytesMax: number) {
    this.#frameBytesMax = frameBytesMax;
  }

  /** A frame has begun and not ended. */
  get isUnfinished(): boolean {
    return this.#kept > 0;
  }

  /** Memory that an unfinished frame takes. */
  get unfinishedBytes(): number {
    return this.#kept > 0 ? this.#room.length : 0;
  }

  /** Lets go of the bytes whose frames were all taken. */
  release(): void {
    this.bytes = nothing;
    this.#at = 0;
  }

  /** Copies what was pushed: the memory of the chunk is good for this turn alone. The frame that `next` found stays. */
  own(): void {
    this.bytes = Buffer.from(this.bytes);
    if (this.#rest.length > 0) this.#rest = Buffer.from(this.#rest);
  }

  /** Adds what came in; every frame of the bytes before was taken with `next`. */
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
    // No more than the end of the frame is copied to its beginning.
    const missing = this.#needed - this.#kept;
    if (chunk.length < missing) {
      this.#keep(chunk);
      return;
    }
    this.#keep(chunk.subarray(0, missing));
    this.#rest = chunk.subarray(missing);
    this.#lookAtKept();
  }

  /** Goes to the next frame. */
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

  /** The stream has ended, and not by failing: what has begun and is not counted is the last frame. */
  finish(): boolean {
    if (!this.#awaitsEnd || this.#kept === 0) return false;
    this.#lookAtKept();
    this.#at = this.bytes.length;
    this.start = 0;
    this.end = withoutReturn(this.bytes, 0, this.bytes.length);
    return true;
  }

  // Goes to a counted frame that begins with a PRI and is all here, as nearly every one does and is: the short way of
  // what `framingAt` and `scanFrame` decide.
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

  // False when there is nothing behind the bytes that are looked at.
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

  // Undefined where an empty line was passed.
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
    this.#room = Buffer.alloc(0); // frames are views of it
  }

  #keep(more: Uint8Array): void {
    const length = this.#kept + more.length;
    if (length > this.#room.length) {
      const wanted = this.#awaitsEnd ? 2 * length : Math.min(this.#needed, 2 * length);
      const larger = Buffer.allocUnsafe(Math.max(length, wanted));
      this.#room.copy(larger, 0, 0, this.#kept);
      this.#room = larger;
    }
    this.#room.set(more, this.#kept);
    this.#kept = length;
  }
}
