import { frameEndFrom, framingAt, isFrameEnd, scanFrame, withoutReturn } from "../../core/wire/frame.ts";
import { type ForeignProtocol, foreignProtocol } from "../connections/foreign-protocol.ts";
import { FrameBytes, type NextFrame } from "../connections/frame-bytes.ts";
import type { FrameRooms } from "../connections/frame-rooms.ts";

const space = 0x20;
const zero = 0x30;
const opening = 0x3c;

/**
 * Cuts a stream into frames. A frame is counted, or ends with a newline or NUL; each frame is looked at for itself. A
 * frame over the bound ends the stream.
 */
export class FrameBuffer extends FrameBytes {
  framing: "octet" | "newline" = "octet";
  /** The protocol of a `foreign` stream. */
  foreign: ForeignProtocol = "http";
  readonly #frameBytesMax: number;
  #isFirst = true;
  /** True when the unfinished frame is not counted. */
  #awaitsEnd = false;

  constructor(frameBytesMax: number, rooms?: FrameRooms) {
    super(rooms);
    this.#frameBytesMax = frameBytesMax;
  }

  override push(chunk: Uint8Array): void {
    const kept = this.keptBytes;
    if (kept === 0 || !this.#awaitsEnd) {
      super.push(chunk);
      return;
    }
    const isLooked = frameEndFrom(chunk, 0) !== -1 || kept + chunk.length > this.#frameBytesMax || kept === 1;
    this.keep(chunk, Number.POSITIVE_INFINITY);
    if (isLooked) this.lookAtKept();
  }

  /** Finds the next frame. */
  next(): NextFrame {
    for (;;) {
      if (this.at >= this.bytes.length && !this.goToRest()) return "more";
      if (this.#isPlain()) return "frame";
      if (isFrameEnd(this.bytes[this.at])) {
        this.at++;
        continue;
      }
      const framing = framingAt(this.bytes, this.at, this.#frameBytesMax, this.framing === "newline");
      const found =
        framing === "unknown" ? this.#keepRest(1) : framing === "octet" ? this.#counted() : this.#line();
      if (found !== undefined && (found !== "more" || !this.goToRest())) return found;
    }
  }

  /**
   * Call when counted frames that end at `at` were taken from `bytes` without `next`. True when that was all of `bytes`, and
   * others have taken their place.
   */
  passTo(at: number): boolean {
    if (at > this.at) {
      this.framing = "octet";
      this.#isFirst = false;
      this.at = at;
    }
    return at === this.bytes.length && this.goToRest();
  }

  /** Call when the stream has ended properly: an unfinished frame that is not counted is then complete. */
  finish(): boolean {
    if (!this.#awaitsEnd || this.keptBytes === 0) return false;
    this.lookAtKept();
    this.at = this.bytes.length;
    this.start = 0;
    this.end = withoutReturn(this.bytes, 0, this.bytes.length);
    return true;
  }

  // Finds a counted frame that begins with a PRI and has arrived whole, as nearly all do. A shortcut with the same
  // result as `framingAt` and `scanFrame`.
  #isPlain(): boolean {
    const { bytes } = this;
    let at = this.at;
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
    this.at = end;
    return true;
  }

  #counted(): NextFrame {
    const scan = scanFrame(this.bytes, this.at, this.#frameBytesMax);
    if (scan.kind === "bad") return "too_long";
    this.framing = "octet";
    this.#isFirst = false;
    if (scan.kind === "more") return this.#keepRest(scan.bytesMissing);
    this.start = scan.start;
    this.end = scan.end;
    this.at = scan.end;
    return "frame";
  }

  // Undefined when it has skipped an empty line.
  #line(): NextFrame | undefined {
    const { bytes } = this;
    const start = this.at;
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
    this.at = end + 1;
    this.start = start;
    this.end = withoutReturn(bytes, start, end);
    return this.end > start ? "frame" : undefined;
  }

  #keepRest(bytesMissing: number): "more" {
    this.#awaitsEnd = false;
    return this.keepRest(bytesMissing);
  }
}
