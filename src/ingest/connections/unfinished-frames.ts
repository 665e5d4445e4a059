/**
 * The memory of unfinished frames of all syslog connections. At the bound, the connection whose frame has been
 * unfinished for longest is closed: honest senders finish a frame within moments.
 */

/** A connection, as seen from here. */
type FrameHolder = { close(reason: "no_room"): void };

/** Memory of a held frame besides its bytes. */
const overheadBytes = 512;

export class UnfinishedFrames {
  readonly #bytesMax: number;
  /** The oldest frame comes first. */
  readonly #held = new Map<FrameHolder, number>();
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Bytes held now. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The frame of `holder` has `bytes` now; 0: it has none. `isNew`: not the frame that it had before. */
  set(holder: FrameHolder, bytes: number, isNew: boolean): void {
    const before = this.#held.get(holder) ?? 0;
    const after = bytes === 0 ? 0 : bytes + overheadBytes;
    if (isNew || after === 0) this.#held.delete(holder);
    if (after > 0) this.#held.set(holder, after);
    this.#bytes += after - before;
    while (this.#bytes > this.#bytesMax) {
      const [oldest] = this.#held.keys();
      this.set(oldest!, 0, false);
      oldest!.close("no_room");
    }
  }
}
