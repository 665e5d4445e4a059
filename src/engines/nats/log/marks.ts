/**
 * Places of one channel whose sequences, lines and bytes are known: some of those that this process has written, and
 * those that it had to read. They tell how much the channel holds, and up to where it exceeds its limits.
 */
import type { Head, StoredMessage } from "./stored.ts";

/** A number of lines and of bytes. */
export type Size = Pick<Head, "line" | "bytes">;

/** Places remembered for each stretch of the slack. */
const marksInSlack = 2;
const beginning: Head = { sequence: 0, line: 0, bytes: 0 };

const isOver = (from: Size, to: Size, most: Size): boolean =>
  to.line - from.line > most.line || to.bytes - from.bytes > most.bytes;

/** The place directly before a message. */
const before = ({ sequence, batch, bytes }: StoredMessage): Head => ({
  sequence: sequence - 1,
  line: batch.line,
  bytes,
});

export class Marks {
  readonly #most: Size;
  readonly #slack: Size;
  readonly #step: Size;
  /** In order. The first is the channel's beginning, once that is known. */
  #places: Head[] = [];
  #isBeginningKnown = false;
  #head: Head = beginning;
  /** The place before the channel's last message, which is never purged. */
  #last: Head = beginning;

  /** `most`: the channel's limits; `slack`: by how much it may exceed them, or be purged below them. */
  constructor(most: Size, slack: Size) {
    this.#most = most;
    this.#slack = slack;
    this.#step = { line: slack.line / marksInSlack, bytes: slack.bytes / marksInSlack };
  }

  /** True when the channel was destroyed and has begun again: it then has fewer lines than before. */
  isOfAnotherLife({ line }: Head): boolean {
    return line < this.#head.line;
  }

  /**
   * The channel now ends at `head`, and its last message follows `last`. Returns true when the channel may exceed its
   * limits by the slack.
   */
  isDue(head: Head, last: Head): boolean {
    this.#head = head;
    this.#last = last;
    const newest = this.#places.at(-1);
    if (newest === undefined) {
      // A channel that never had this much begins at its first line, so nobody has to be asked.
      this.#isBeginningKnown = !isOver(beginning, head, this.#most);
      this.#places.push(this.#isBeginningKnown ? beginning : head);
    } else if (isOver(newest, head, this.#step)) this.#places.push(head);
    return (
      !this.#isBeginningKnown ||
      isOver(this.#places[0]!, head, {
        line: this.#most.line + this.#slack.line,
        bytes: this.#most.bytes + this.#slack.bytes,
      })
    );
  }

  /**
   * The place from which on the channel is within its limits; undefined if all of it is. Reads where too little is
   * known; `next` returns the channel's first message after a sequence.
   */
  async whole(next: (sequence: number) => Promise<StoredMessage | undefined>): Promise<Head | undefined> {
    if (!this.#isBeginningKnown) {
      const oldest = await next(0);
      if (oldest !== undefined) this.#places.unshift(before(oldest));
      this.#isBeginningKnown = true;
    }
    const [head, last] = [this.#head, this.#last];
    const fits = (place: Head) => place.sequence >= last.sequence || !isOver(place, head, this.#most);
    const at = this.#places.findIndex(fits);
    if (at === 0) return undefined;
    let low = this.#places.at(at === -1 ? -1 : at - 1)!;
    let high = at === -1 || this.#places[at]!.sequence > last.sequence ? last : this.#places[at]!;
    for (let [from, to] = [low.sequence + 1, high.sequence]; from < to && isOver(low, high, this.#slack); ) {
      const middle = Math.floor((from + to) / 2);
      const message = await next(middle);
      const place = message && message.sequence <= high.sequence ? before(message) : high;
      if (fits(place)) [high, to] = [place, middle];
      else [low, from] = [place, place.sequence + 1];
      this.#remember(place);
    }
    return high;
  }

  /** Everything before `place` was purged. */
  purged(place: Head): void {
    this.#places = [place, ...this.#places.filter(({ sequence }) => sequence > place.sequence)];
  }

  #remember(place: Head): void {
    const at = this.#places.findIndex(({ sequence }) => sequence >= place.sequence);
    if (at === -1) this.#places.push(place);
    else if (this.#places[at]!.sequence > place.sequence) this.#places.splice(at, 0, place);
  }
}
