/** Counts memory that several hold, each piece of it once. */
export class HeldMemory {
  readonly #held = new Map<object, { holders: number; readonly bytes: number }>();
  #bytes = 0;

  /** Bytes of all that somebody holds. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Somebody holds `memory`, which has so many bytes. */
  hold(memory: object, bytes: number): void {
    const held = this.#held.get(memory);
    if (held !== undefined) {
      held.holders++;
      return;
    }
    this.#held.set(memory, { holders: 1, bytes });
    this.#bytes += bytes;
  }

  /** Somebody holds it no more. Call it as often as `hold`. */
  release(memory: object): void {
    const held = this.#held.get(memory)!;
    if (--held.holders > 0) return;
    this.#held.delete(memory);
    this.#bytes -= held.bytes;
  }
}
