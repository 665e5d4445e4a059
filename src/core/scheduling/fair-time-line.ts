/**
 * A queue that shares time fairly: the group whose work has taken the least goes first, and within a group it is first
 * come, first served. So short work does not wait behind as much long work of others. A group that comes anew begins
 * with what every other one would have had by then (virtual time, as in weighted fair queueing; Demers, Keshav and
 * Shenker, 1989).
 */

/** The most groups without waiting work whose time is remembered. */
export const idleGroupsMax = 1_000;

type Group<Waiting> = {
  readonly waiting: Waiting[];
  /** When its next work begins, in the time of a group that always waits. */
  beginMs: number;
};

export class FairTimeLine<Waiting> {
  /** Those that wait, and those whose work has taken more than their share. Among equals, the first one goes first. */
  readonly #groups = new Map<string, Group<Waiting>>();
  /** The time that a group that always waits would have had. */
  #nowMs = 0;
  #length = 0;
  /** The number of groups that wait. */
  #waiting = 0;

  /** The number of those that wait. */
  get length(): number {
    return this.#length;
  }

  /** The number of groups that wait or are remembered. */
  get groups(): number {
    return this.#groups.size;
  }

  push(name: string, waiting: Waiting): void {
    this.#length++;
    const group = this.#groups.get(name);
    if (group === undefined) {
      this.#groups.set(name, { waiting: [waiting], beginMs: this.#nowMs });
      this.#waiting++;
      return;
    }
    if (group.waiting.length === 0) {
      group.beginMs = Math.max(group.beginMs, this.#nowMs);
      this.#waiting++;
    }
    group.waiting.push(waiting);
  }

  /** Removes and returns the next one and its group; undefined if nobody waits. Call `took` when its work is done. */
  shift(): { readonly group: string; readonly waiting: Waiting } | undefined {
    let [name, next]: [string, Group<Waiting> | undefined] = ["", undefined];
    let idle = 0;
    for (const [other, group] of this.#groups) {
      if (group.waiting.length > 0) {
        if (next === undefined || group.beginMs < next.beginMs) [name, next] = [other, group];
      } else if (group.beginMs <= this.#nowMs || ++idle > idleGroupsMax) this.#groups.delete(other);
    }
    if (next === undefined) return undefined;
    this.#length--;
    this.#nowMs = Math.max(this.#nowMs, next.beginMs);
    this.#groups.delete(name); // to the end, behind its equals
    this.#groups.set(name, next);
    if (next.waiting.length === 1) this.#waiting--;
    return { group: name, waiting: next.waiting.shift()! };
  }

  /** The work that was shifted has taken this long. */
  took(name: string, ms: number): void {
    const group = this.#groups.get(name);
    if (group !== undefined) group.beginMs += ms;
    const isAmongThem = group !== undefined && group.waiting.length > 0;
    this.#nowMs += ms / (this.#waiting + (isAmongThem ? 0 : 1));
  }

  /** Removes the first one of the group that has the most; undefined if nobody waits. */
  shiftOfLargest(): Waiting | undefined {
    let largest: readonly Waiting[] & Waiting[] = [];
    for (const { waiting } of this.#groups.values()) if (waiting.length > largest.length) largest = waiting;
    if (largest.length > 0) this.#length--;
    if (largest.length === 1) this.#waiting--;
    return largest.shift();
  }
}
