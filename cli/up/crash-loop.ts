/**
 * Keeps a dyno that crashes again and again from filling its log. The first crash is reported in full, the second says
 * that further ones will only be counted, and the count follows when the dyno stays up or is ended.
 */
import type { DynoLimits } from "./limits.ts";

export class CrashLoop {
  readonly #limits: Pick<DynoLimits, "backOffMs" | "stableMs">;
  readonly #tell: (text: string) => void;
  #inARow = 0;
  #untold = 0;
  #status = 0;

  constructor(limits: Pick<DynoLimits, "backOffMs" | "stableMs">, tell: (text: string) => void) {
    this.#limits = limits;
    this.#tell = tell;
  }

  /** True while crashes are only counted. */
  get isQuiet(): boolean {
    return this.#inARow > 1;
  }

  /** How long the dyno waits before its next start. */
  get waitMs(): number {
    const { first, last } = this.#limits.backOffMs;
    return Math.min(last, first * 2 ** Math.min(30, Math.max(0, this.#inARow - 1)));
  }

  /** The process ended by itself after `livedMs`. */
  crashed(status: number, livedMs: number): void {
    if (livedMs >= this.#limits.stableMs) this.forget();
    this.#inARow++;
    this.#status = status;
    if (this.#inARow > 2) this.#untold++;
    if (this.#inARow === 2)
      this.#tell(
        `Crashed again (status ${status}): from now on it is started after growing waits, up to ${this.#limits.backOffMs.last / 1000} s, and further crashes are counted and told together`,
      );
  }

  /** Reports the crashes that were only counted. */
  tellCrashes(): void {
    if (this.#untold === 0) return;
    const times = this.#untold === 1 ? "once more" : `${this.#untold} more times`;
    this.#tell(`Crashed ${times} since that was told (status ${this.#status} at last)`);
    this.#untold = 0;
  }

  /** Makes the next crash the first one again. True if crashes were only counted until now. */
  forget(): boolean {
    const wasQuiet = this.isQuiet;
    this.tellCrashes();
    this.#inARow = 0;
    return wasQuiet;
  }
}
