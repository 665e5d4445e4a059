/** The time as in the field `Date` (RFC 9110 §5.6.7), made once a second. */
export class HttpDate {
  readonly #nowMs: () => number;
  #text = "";
  #secondMs = Number.NEGATIVE_INFINITY;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  get text(): string {
    const nowMs = this.#nowMs();
    if (nowMs - this.#secondMs >= 1_000 || nowMs < this.#secondMs) {
      this.#secondMs = nowMs - (nowMs % 1_000);
      this.#text = new Date(this.#secondMs).toUTCString();
    }
    return this.#text;
  }
}
