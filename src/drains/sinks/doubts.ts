/**
 * Parcels of syslog drains that were flushed to a connection which broke soon after: whether they arrived nobody can
 * say, so they go out once more before anything else of their drain. Kept as wire bytes, apart from the sinks, which
 * do not outlive a failure. Bounded over all drains: at the bound the oldest are given up.
 */
export class Doubts {
  readonly #bytesMax: number;
  readonly #byDrain = new Map<string, readonly Uint8Array[]>();
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** In the order in which they were kept. */
  of(drainToken: string): readonly Uint8Array[] {
    return this.#byDrain.get(drainToken) ?? [];
  }

  keep(drainToken: string, bytes: Uint8Array): void {
    const held = this.of(drainToken);
    this.#byDrain.delete(drainToken); // now it is the latest
    this.#byDrain.set(drainToken, [...held, bytes]);
    this.#bytes += bytes.length;
    for (const [oldest, all] of this.#byDrain) {
      if (this.#bytes <= this.#bytesMax) break;
      this.settle(oldest, all);
    }
  }

  /** Those that were sent again. What came into doubt meanwhile stays. */
  settle(drainToken: string, sent: readonly Uint8Array[]): void {
    const left: Uint8Array[] = [];
    for (const bytes of this.of(drainToken)) {
      if (sent.includes(bytes)) this.#bytes -= bytes.length;
      else left.push(bytes);
    }
    if (left.length > 0) this.#byDrain.set(drainToken, left);
    else this.#byDrain.delete(drainToken);
  }
}
