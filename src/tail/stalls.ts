import { HeldMemory } from "../core/batch/held-memory.ts";

/**
 * Bounds the memory that clients hold by not reading. A part that many clients hold counts once. Beyond the bound,
 * the client that has stalled for longest is cut off.
 */
type Cut = { cut(): void };

/** Streams and answers whose clients have stalled, the longest first. */
export class Stalls {
  readonly #unreadBytesMax: number;
  readonly #onCut: () => void;
  readonly #unread = new HeldMemory();
  readonly #stalled = new Map<Cut, readonly Uint8Array[]>();

  /** `onCut` is called for each that is cut off. */
  constructor(unreadBytesMax: number, onCut: () => void) {
    this.#unreadBytesMax = unreadBytesMax;
    this.#onCut = onCut;
  }

  /** `stream` holds `parts` until `end`, which its `cut` must call. */
  begin(stream: Cut, ...parts: readonly Uint8Array[]): void {
    this.#stalled.set(stream, parts);
    for (const part of parts) this.#unread.hold(part.buffer, part.buffer.byteLength);
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
    for (const part of parts) this.#unread.release(part.buffer);
  }
}
