/**
 * The memory of frames that have begun and not ended, of all syslog connections together. At the bound the connection
 * that has kept its frame for longest is closed: honest senders end a frame within moments, so it is not theirs.
 */

/** A connection as this sees it. */
type FrameHolder = { close(reason: "no_room"): void };

/** Bytes that holding a frame costs besides its own. */
const overheadBytes = 512;

export class UnfinishedFrames {
  readonly #bytesMax: number;
  /** Oldest frame first. */
  readonly #held = new Map<FrameHolder, number>();
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Bytes held now. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The frame of `holder` has `bytes` now; 0: it has none. `isNew`: it is another one than before. */
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
