/** How long requests took, counted in classes; the least and the largest time of each class are known. */

/** Classes of times in ms, each up to 15 % above the one before, so that memory stays flat. */
const classes = 84;

export class ServiceTimes {
  readonly #counts = new Uint32Array(classes);
  readonly #least = new Float64Array(classes).fill(Number.POSITIVE_INFINITY);
  readonly #most = new Float64Array(classes);

  add(ms: number): void {
    const at = classOf(ms);
    this.#counts[at]!++;
    this.#least[at] = Math.min(this.#least[at]!, ms);
    this.#most[at] = Math.max(this.#most[at]!, ms);
  }

  addAll(other: ServiceTimes): void {
    for (let n = 0; n < classes; n++) {
      this.#counts[n]! += other.#counts[n]!;
      this.#least[n] = Math.min(this.#least[n]!, other.#least[n]!);
      this.#most[n] = Math.max(this.#most[n]!, other.#most[n]!);
    }
  }

  /**
   * The time in ms that this share of requests does not exceed; null without requests. Exact if its class has one or
   * two times, or one time repeated; otherwise between its least and largest, and so off by less than 15 %.
   */
  within(share: number): number | null {
    const count = this.#counts.reduce((sum, n) => sum + n, 0);
    if (count === 0) return null;
    let rank = Math.max(1, Math.ceil(count * share - 1e-9));
    let at = 0;
    for (; rank > this.#counts[at]!; at++) rank -= this.#counts[at]!;
    const [of, least, most] = [this.#counts[at]!, this.#least[at]!, this.#most[at]!];
    return of === 1 ? least : least + ((most - least) * (rank - 1)) / (of - 1);
  }
}

const classOf = (ms: number): number =>
  Math.min(classes - 1, ms <= 1 ? 0 : Math.ceil(Math.log(ms) / Math.log(1.15) - 1e-9));
