/** The order in which the summaries of apps are asked for. */

/** If there are more apps, each is fetched less often. Half of a round are apps that are shown. */
const perRoundMax = 60;

/** Whose turn it is in each round. */
export class Rounds {
  readonly #all: readonly string[];
  #from = 0;
  #shownFrom = 0;

  constructor(all: readonly string[]) {
    this.#all = all;
  }

  /** The next ones of those that are shown, and as many of all as have room. */
  next(shown: readonly string[]): readonly string[] {
    if (this.#all.length <= perRoundMax) return this.#all;
    const names = new Set<string>();
    const half = Math.min(shown.length, perRoundMax / 2);
    for (let n = 0; n < half; n++) names.add(shown[this.#shownFrom++ % shown.length]!);
    for (let n = half; n < perRoundMax; n++) names.add(this.#all[this.#from++ % this.#all.length]!);
    return [...names];
  }
}
