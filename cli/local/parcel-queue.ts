/** Parcels that wait, oldest first, and the memory that they use. The last one may still grow. */
import type { Destination } from "./destinations.ts";
import { type LineSource, Parcel } from "./parcel.ts";

export class ParcelQueue {
  readonly #parcels: Parcel[] = [];
  #bytes = 0;

  get first(): Parcel | undefined {
    return this.#parcels[0];
  }

  get length(): number {
    return this.#parcels.length;
  }

  /** The memory that the parcels use. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Lines of programs, not counting notices. */
  get lines(): number {
    return this.#parcels.reduce((sum, { tells, count }) => sum + (tells === undefined ? count : 0), 0);
  }

  /**
   * The parcel that takes the next line for `destination`: the last one, unless it is full or is the one being `sent`;
   * otherwise a new one.
   */
  growing(destination: Destination, atMs: number, sent: Parcel | undefined): Parcel {
    const last = this.#parcels.at(-1);
    const grows = last !== undefined && last !== sent && !last.full && last.destination === destination;
    if (grows) return last;
    const parcel = new Parcel(destination, atMs);
    this.append(parcel);
    return parcel;
  }

  /** Adds a line to a parcel in the queue. */
  addTo(parcel: Parcel, source: LineSource, ...line: ParcelLine): void {
    const before = parcel.bytesTaken;
    parcel.add(source, ...line);
    this.#bytes += parcel.bytesTaken - before;
  }

  append(parcel: Parcel): void {
    this.#parcels.push(parcel);
    this.#bytes += parcel.bytesTaken;
  }

  /** Puts a parcel ahead of all others. */
  prepend(parcel: Parcel): void {
    this.#parcels.unshift(parcel);
    this.#bytes += parcel.bytesTaken;
  }

  /** Removes the first parcel. */
  shift(): void {
    this.#bytes -= this.#parcels.shift()?.bytesTaken ?? 0;
  }
}

type ParcelLine = [atMs: number, message: Uint8Array, start: number, end: number, whole: boolean];
