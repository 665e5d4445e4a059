/**
 * The time limits of a sender: for its first known token, and for finishing a frame. Time during which we do not read
 * does not count.
 */

type PaceLimits = {
  /** From the start of the connection to its first frame with a known token. */
  readonly firstTokenMs: number;
  /** From the start of a frame to its end. */
  readonly frameMsMax: number;
};

export class SenderPace {
  readonly #nowMs: () => number;
  #isKnown = false;
  #sinceMs: number;
  #frameSinceMs: number | undefined;
  #pausedAtMs: number | undefined;

  /** `nowMs`: a monotonic clock. */
  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
    this.#sinceMs = nowMs();
  }

  /** True once a frame with a known token has come. */
  get isKnown(): boolean {
    return this.#isKnown;
  }

  /** True while we do not read the sender. */
  get isPaused(): boolean {
    return this.#pausedAtMs !== undefined;
  }

  /** This many frames with a known token came. */
  brought(frames: number): void {
    this.#isKnown ||= frames > 0;
  }

  /** Bytes were taken. `isUnfinished`: they end within a frame; `isNew`: not the frame that was unfinished before. */
  took(isUnfinished: boolean, isNew: boolean): void {
    if (!isUnfinished) this.#frameSinceMs = undefined;
    else if (isNew || this.#frameSinceMs === undefined) this.#frameSinceMs = this.#nowMs();
  }

  pause(): void {
    this.#pausedAtMs ??= this.#nowMs();
  }

  resume(): void {
    if (this.#pausedAtMs === undefined) return;
    const pausedMs = this.#nowMs() - this.#pausedAtMs;
    this.#pausedAtMs = undefined;
    this.#sinceMs += pausedMs;
    if (this.#frameSinceMs !== undefined) this.#frameSinceMs += pausedMs;
  }

  /** The limit that the sender has exceeded, if any. */
  overrun({ firstTokenMs, frameMsMax }: PaceLimits): "no_token_in_time" | "too_slow" | undefined {
    if (this.isPaused) return undefined;
    const nowMs = this.#nowMs();
    if (!this.#isKnown && nowMs - this.#sinceMs >= firstTokenMs) return "no_token_in_time";
    const isSlow = this.#frameSinceMs !== undefined && nowMs - this.#frameSinceMs >= frameMsMax;
    return isSlow ? "too_slow" : undefined;
  }
}
