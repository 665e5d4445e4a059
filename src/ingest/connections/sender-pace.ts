/** The time that a sender has: for its first known token, and for the end of a frame that has begun. Our own time is not its. */

type PaceLimits = {
  /** For a frame with a known token, from the beginning of the connection. */
  readonly firstTokenMs: number;
  /** For the end of a frame, from its beginning. */
  readonly frameMsMax: number;
};

export class SenderPace {
  readonly #nowMs: () => number;
  #isKnown = false;
  #sinceMs: number;
  #frameSinceMs: number | undefined;
  #pausedAtMs: number | undefined;

  /** `nowMs`: a clock that never goes back. */
  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
    this.#sinceMs = nowMs();
  }

  /** It has brought a frame with a known token. */
  get isKnown(): boolean {
    return this.#isKnown;
  }

  /** Something of ours is waited for. */
  get isPaused(): boolean {
    return this.#pausedAtMs !== undefined;
  }

  /** So many frames with a known token came. */
  brought(frames: number): void {
    this.#isKnown ||= frames > 0;
  }

  /** The bytes that came are taken. `isUnfinished`: a frame is not whole yet; `isNew`: it is another one than before. */
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

  /** Its time that has run out; undefined while it is in time, or waits for us. */
  overrun({ firstTokenMs, frameMsMax }: PaceLimits): "no_token_in_time" | "too_slow" | undefined {
    if (this.isPaused) return undefined;
    const nowMs = this.#nowMs();
    if (!this.#isKnown && nowMs - this.#sinceMs >= firstTokenMs) return "no_token_in_time";
    const isSlow = this.#frameSinceMs !== undefined && nowMs - this.#frameSinceMs >= frameMsMax;
    return isSlow ? "too_slow" : undefined;
  }
}
