/** The faults of the frames of one read or one body: counted by cause, with the first frame of each as a sample. */
import type { Cause } from "./fault-causes.ts";
import { sampleOf } from "./fault-sample.ts";
import type { SenderFaults } from "./sender-faults.ts";

export class FaultTally {
  /** Created with the first fault, since most reads have none. */
  #found: Map<Cause, { count: number; readonly sample: string }> | undefined;

  add(cause: Cause, bytes: Uint8Array, start: number, end: number): void {
    this.#found ??= new Map();
    const found = this.#found.get(cause);
    if (found === undefined) this.#found.set(cause, { count: 1, sample: sampleOf(bytes, start, end) });
    else found.count++;
  }

  get isEmpty(): boolean {
    return this.#found === undefined;
  }

  /** The number of faults with this cause. */
  count(cause: Cause): number {
    return this.#found?.get(cause)?.count ?? 0;
  }

  causes(): Iterable<Cause> {
    return this.#found?.keys() ?? [];
  }

  /** Reports the faults as those of `address`. */
  tellTo(faults: Pick<SenderFaults, "note">, address: string | undefined): void {
    for (const [cause, { count, sample }] of this.#found ?? [])
      faults.note(address, cause, count, () => sample);
  }
}
