/** Batches that lines are being written to, and the memory that they are written in, which is used again. */
import type { CanonicalLines } from "../core/batch.ts";
import { Canoniser, type Origin } from "../core/canonical.ts";
import { placesPerLine } from "../core/line-places.ts";
import type { PlainFrame } from "../core/plain-frame.ts";
import type { SyslogHeader } from "../core/syslog.ts";

/** A connection that sent lines and hears nothing of them. */
export interface Sender {
  /** So many bytes of its lines are stored, or given up. */
  settle(bytes: number): void;
}

/** Memory that a line takes besides its bytes: its places. */
const placesBytes = placesPerLine * Uint32Array.BYTES_PER_ELEMENT;
/** Room that nobody writes to is kept up to so much, all together. */
const spareBytesMax = 16 * 1024 * 1024;
const roomBytesFirst = 1024;

/** Lines of one channel, whoever sent them, that are to be stored together. */
export type ClosedBatch = {
  readonly lines: CanonicalLines;
  readonly bytes: number;
  readonly senders: readonly Sender[];
  /** The bytes of each of them. */
  readonly shares: readonly number[];
};

export class OpenBatch {
  readonly #canoniser: Canoniser;
  readonly #senders: Sender[] = [];
  readonly #shares: number[] = [];
  #bytes = 0;

  constructor(canoniser: Canoniser) {
    this.#canoniser = canoniser;
  }

  /** Bytes of the lines. */
  get linesBytes(): number {
    return this.#canoniser.bytes;
  }

  get count(): number {
    return this.#canoniser.count;
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

  /** The lines, in memory of their own. */
  close(): ClosedBatch {
    const lines = this.#canoniser.copyOut();
    return { lines, bytes: this.#bytes, senders: this.#senders, shares: this.#shares };
  }
}

/** The room of open batches, which they get and give back. */
export class OpenBatches {
  readonly #spare: Canoniser[] = [];
  #spareBytes = 0;

  open(): { readonly batch: OpenBatch; readonly room: Canoniser } {
    const room = this.#spare.pop();
    if (room !== undefined) this.#spareBytes -= room.roomBytes;
    const canoniser = room ?? new Canoniser("", Buffer.allocUnsafeSlow(roomBytesFirst));
    return { batch: new OpenBatch(canoniser), room: canoniser };
  }

  /** The batch that was written there is closed. */
  release(room: Canoniser): void {
    if (this.#spareBytes + room.roomBytes > spareBytesMax) return;
    this.#spareBytes += room.roomBytes;
    this.#spare.push(room);
  }
}
