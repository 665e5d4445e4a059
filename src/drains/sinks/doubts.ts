/**
 * Parcels of syslog drains that were flushed to a connection which broke soon after: whether they arrived nobody can
 * say, so they go out once more before anything else of their drain. Kept as wire bytes, apart from the sinks, which
 * do not outlive a failure. Bounded over all drains: at the bound the oldest are given up.
 */
export class Doubts {
  readonly #bytesMax: number;
  readonly #byDrain = new Map<string, Uint8Array>();
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  of(drainToken: string): Uint8Array | undefined {
    return this.#byDrain.get(drainToken);
  }

  keep(drainToken: string, bytes: Uint8Array): void {
    this.settle(drainToken);
    this.#byDrain.set(drainToken, bytes);
    this.#bytes += bytes.length;
    for (const [oldest] of this.#byDrain) {
      if (this.#bytes <= this.#bytesMax) break;
      this.settle(oldest);
    }
  }

  settle(drainToken: string): void {
    this.#bytes -= this.#byDrain.get(drainToken)?.length ?? 0;
    this.#byDrain.delete(drainToken);
  }
}
