/** Merges the histories of several apps, oldest line first. It pulls, so memory holds only one read per app. */

/** A line as the server sent it, and the place after it. */
export type PlacedLine = {
  readonly position: string;
  readonly line: string;
  /** Not a line, but a mark where lines are left out. */
  readonly isGap?: true;
};

/** A line and its app. */
export type AppLine = PlacedLine & { readonly app: string };

/** An app's history; the return value is the place after it. */
type History = { readonly app: string; readonly lines: AsyncGenerator<readonly PlacedLine[], string> };

/**
 * Merges by time; lines of one app keep their order regardless of their times. The return value maps each app to the
 * place after its history.
 */
export async function* interleave(
  histories: readonly History[],
  timeOf: (line: string) => number,
): AsyncGenerator<readonly AppLine[], ReadonlyMap<string, string>> {
  const heads = histories.map((history) => new Head(history, timeOf));
  const places = new Map<string, string>();
  try {
    for (let left = [...heads]; ; ) {
      await Promise.all(left.map((head) => head.fill()));
      for (const head of left) if (head.place !== undefined) places.set(head.app, head.place);
      left = left.filter((head) => head.place === undefined);
      if (left.length === 0) return places;
      const merged: AppLine[] = [];
      let first = earliest(left);
      // The round ends when one app has no lines left in memory, since its next line may be the earliest.
      for (; ; first = earliest(left)) {
        merged.push({ app: first.app, ...first.take() });
        if (first.empty) break;
      }
      yield merged;
    }
  } finally {
    await Promise.all(histories.map(({ lines }) => lines.return("")));
  }
}

class Head {
  readonly app: string;
  timeMs = Number.NEGATIVE_INFINITY;
  /** Set at the end of the history. */
  place: string | undefined;
  readonly #source: History["lines"];
  readonly #timeOf: (line: string) => number;
  #lines: readonly PlacedLine[] = [];
  #at = 0;

  constructor({ app, lines }: History, timeOf: (line: string) => number) {
    this.app = app;
    this.#source = lines;
    this.#timeOf = timeOf;
  }

  get empty(): boolean {
    return this.#at === this.#lines.length;
  }

  async fill(): Promise<void> {
    while (this.empty && this.place === undefined) {
      const { done, value } = await this.#source.next();
      if (done) this.place = value;
      else this.#see(value, 0);
    }
  }

  take(): PlacedLine {
    const line = this.#lines[this.#at]!;
    this.#see(this.#lines, this.#at + 1);
    return line;
  }

  #see(lines: readonly PlacedLine[], at: number): void {
    this.#lines = lines;
    this.#at = at;
    const timeMs = this.empty ? Number.NaN : this.#timeOf(lines[at]!.line);
    if (timeMs > this.timeMs) this.timeMs = timeMs; // a line without a time, or out of order, follows the one before
  }
}

const earliest = (heads: readonly Head[]): Head =>
  heads.reduce((best, head) => (head.timeMs < best.timeMs ? head : best));
