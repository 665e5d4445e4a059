/**
 * Bounds the memory that clients hold by not reading. A part that many clients hold counts once. Beyond the bound,
 * the client that has stalled for longest is cut off.
 */
type Cut = { cut(): void };

/** Streams and answers whose clients have stalled, the longest first. */
export class Stalls {
  readonly #unreadBytesMax: number;
  readonly #onCut: () => void;
  readonly #unread = new UnreadBytes();
  readonly #stalled = new Map<Cut, readonly Uint8Array[]>();

  /** `onCut` is called for each that is cut off. */
  constructor(unreadBytesMax: number, onCut: () => void) {
    this.#unreadBytesMax = unreadBytesMax;
    this.#onCut = onCut;
  }

  /** `stream` holds `parts` until `end`, which its `cut` must call. */
  begin(stream: Cut, ...parts: readonly Uint8Array[]): void {
    this.#stalled.set(stream, parts);
    for (const part of parts) this.#unread.hold(part);
    for (const longest of this.#stalled.keys()) {
      if (this.#unread.bytes <= this.#unreadBytesMax) return;
      this.#onCut();
      longest.cut();
    }
  }

  /** Idempotent. */
  end(stream: Cut): void {
    const parts = this.#stalled.get(stream);
    if (parts === undefined) return;
    this.#stalled.delete(stream);
    for (const part of parts) this.#unread.release(part);
  }
}

/** Memory, by how many clients hold it. */
class UnreadBytes {
  readonly #holders = new Map<ArrayBufferLike, number>();
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  /** Counts one more client that holds the memory of `part`. */
  hold({ buffer }: Uint8Array): void {
    const holders = this.#holders.get(buffer) ?? 0;
    if (holders === 0) this.#bytes += buffer.byteLength;
    this.#holders.set(buffer, holders + 1);
  }

  /** Counts one client less. Call it as often as `hold`. */
  release({ buffer }: Uint8Array): void {
    const holders = this.#holders.get(buffer)! - 1;
    if (holders > 0) {
      this.#holders.set(buffer, holders);
      return;
    }
    this.#holders.delete(buffer);
    this.#bytes -= buffer.byteLength;
  }
}
