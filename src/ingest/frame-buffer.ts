import { scanFrame, scanNewlineFrame } from "../core/frame.ts";

/** The next bytes of a stream: a frame [start, end) of `bytes`, or nothing whole, or no end in sight. */
export type NextFrame = "frame" | "more" | "too_long";

const nothing = new Uint8Array(0);
const sampleBytes = 200;

/**
 * Cuts a stream of any chunking into octet-counted frames. Newline-framed data is counted and skipped, however
 * long; a frame over the bound is the end of the stream. Holds at most one unfinished frame besides the last chunk.
 */
export class FrameBuffer {
  /** The place of the frame that `next` found; valid until the next `push`. */
  bytes: Uint8Array = nothing;
  start = 0;
  end = 0;
  /** Stretches that are no counted frames: how many, and the beginning of the first. */
  malformed = 0;
  malformedSample: Uint8Array | undefined;
  readonly #frameBytesMax: number;
  #at = 0;
  #skipping = false;
  // The unfinished frame: `#kept` bytes of `#room`, of which `#needed` have to be there before it is worth a look.
  #room: Buffer = Buffer.alloc(0);
  #kept = 0;
  #needed = 0;

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

  /** Lets go of the bytes whose frames were all taken, and forgets what was malformed in them. */
  release(): void {
    this.bytes = nothing;
    this.#at = 0;
    this.malformed = 0;
    this.malformedSample = undefined;
  }

  /** Adds what came in; every frame of the bytes before was taken with `next`. */
  push(chunk: Uint8Array): void {
    if (this.#kept === 0) {
      this.bytes = chunk;
      this.#at = 0;
      return;
    }
    this.#keep(chunk);
    if (this.#kept < this.#needed) return;
    this.bytes = this.#room.subarray(0, this.#kept);
    this.#at = 0;
    this.#kept = 0;
    this.#room = Buffer.alloc(0); // frames are views of it
  }

  /** Goes to the next frame. */
  next(): NextFrame {
    while (this.#at < this.bytes.length) {
      if (this.#skipping && !this.#skip()) break;
      const scan = scanFrame(this.bytes, this.#at, this.#frameBytesMax);
      if (scan.kind === "frame") {
        this.start = scan.start;
        this.end = scan.end;
        this.#at = scan.end;
        return "frame";
      }
      if (scan.kind === "more") {
        const rest = this.bytes.subarray(this.#at);
        this.#at = this.bytes.length;
        this.#needed = rest.length + scan.bytesMissing;
        this.#keep(rest);
        break;
      }
      if (scan.reason === "frame_too_long") return "too_long";
      this.malformed++;
      this.malformedSample ??= this.bytes.subarray(this.#at, this.#at + sampleBytes);
      this.#skipping = true;
    }
    return "more";
  }

  // Goes behind the next newline; false when there is none, and then nothing is left.
  #skip(): boolean {
    const line = scanNewlineFrame(this.bytes, this.#at);
    this.#skipping = line === undefined;
    this.#at = line?.next ?? this.bytes.length;
    return this.#at < this.bytes.length;
  }

  #keep(more: Uint8Array): void {
    const length = this.#kept + more.length;
    if (length > this.#room.length) {
      const larger = Buffer.allocUnsafe(Math.max(length, Math.min(this.#needed, 2 * length)));
      this.#room.copy(larger, 0, 0, this.#kept);
      this.#room = larger;
    }
    this.#room.set(more, this.#kept);
    this.#kept = length;
  }
}
