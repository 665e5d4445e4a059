/**
 * Large batches that were read and that somebody still holds: whoever reads one again gets the same. Drains and readers
 * that are behind at the same place, or that a slow client keeps there, hold one copy together. Nothing is kept for it.
 */
import type { StoredBatch } from "../../core/batch/batch.ts";

/** Batches by the place of their entry: its segment's number, and its offset there. */
export class LargeBatches {
  readonly #held = new Map<string, WeakRef<StoredBatch>>();
  readonly #reading = new Map<string, Promise<StoredBatch[] | "gone">>();
  readonly #gone = new FinalizationRegistry((place: string) => {
    if (this.#held.get(place)?.deref() === undefined) this.#held.delete(place);
  });

  /** The batch at `place`, if somebody holds or reads it; otherwise what `read` resolves to, which is at most one. */
  at(place: string, read: () => Promise<StoredBatch[] | "gone">): Promise<StoredBatch[] | "gone"> {
    const held = this.#held.get(place)?.deref();
    if (held !== undefined) return Promise.resolve([held]);
    const known = this.#reading.get(place);
    if (known !== undefined) return known;
    const reading = read()
      .then((found) => {
        if (found !== "gone" && found[0] !== undefined) this.#hold(place, found[0]);
        return found;
      })
      .finally(() => this.#reading.delete(place));
    this.#reading.set(place, reading);
    return reading;
  }

  #hold(place: string, batch: StoredBatch): void {
    this.#held.set(place, new WeakRef(batch));
    this.#gone.register(batch, place);
  }
}
