/** A fair queue: groups take turns, and within a group it is first come, first served. */
export class FairLine<Waiting> {
  /** No group is empty; the one whose turn it is comes first. */
  readonly #groups = new Map<string, Waiting[]>();
  #length = 0;

  /** How many wait. */
  get length(): number {
    return this.#length;
  }

  push(group: string, waiting: Waiting): void {
    this.#length++;
    const before = this.#groups.get(group);
    if (before === undefined) this.#groups.set(group, [waiting]);
    else before.push(waiting);
  }

  /** The one that `shift` would take out. */
  get next(): Waiting | undefined {
    for (const waiting of this.#groups.values()) return waiting[0];
    return undefined;
  }

  /** Takes the next one out; undefined when nobody waits. */
  shift(): Waiting | undefined {
    for (const [group, waiting] of this.#groups) {
      this.#groups.delete(group);
      this.#length--;
      const next = waiting.shift();
      if (waiting.length > 0) this.#groups.set(group, waiting); // behind all others
      return next;
    }
    return undefined;
  }

  /** Takes the first one of the group that has the most out; undefined when nobody waits. */
  shiftOfLargest(): Waiting | undefined {
    let [largest, most]: [string | undefined, readonly Waiting[]] = [undefined, []];
    for (const [group, waiting] of this.#groups)
      if (waiting.length > most.length) [largest, most] = [group, waiting];
    if (largest === undefined) return undefined;
    const waiting = this.#groups.get(largest)!;
    if (waiting.length === 1) this.#groups.delete(largest);
    this.#length--;
    return waiting.shift();
  }
}
