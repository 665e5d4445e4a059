/** A fair queue: groups take turns, and within a group it is first come, first served. */
export class FairLine<Waiting> {
  /** No group is empty; the one whose turn it is comes first. */
  readonly #groups = new Map<string, Waiting[]>();
  #length = 0;

  /** The number of those that wait. */
  get length(): number {
    return this.#length;
  }

  push(group: string, waiting: Waiting): void {
    this.#length++;
    const before = this.#groups.get(group);
    if (before === undefined) this.#groups.set(group, [waiting]);
    else before.push(waiting);
  }

  /** The one that `shift` would remove. */
  get next(): Waiting | undefined {
    for (const waiting of this.#groups.values()) return waiting[0];
    return undefined;
  }

  /** Removes and returns the next one; undefined if nobody waits. */
  shift(): Waiting | undefined {
    for (const [group, waiting] of this.#groups) {
      this.#groups.delete(group);
      this.#length--;
      const next = waiting.shift();
      if (waiting.length > 0) this.#groups.set(group, waiting); // to the end of the line
      return next;
    }
    return undefined;
  }
}
