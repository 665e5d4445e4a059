/** The memory of the lines of the one body that grows: it counts for all, and in nobody's share. */
import { overloaded } from "../../errors/store.ts";
import type { MemoryBudget } from "../queues/memory-budget.ts";
import type { Reservation } from "./body-budget.ts";
import type { OnePlace } from "./one-place.ts";

export class Growth {
  readonly #memory: MemoryBudget;
  readonly #place: OnePlace;
  readonly #group: string;
  #hasPlace = false;
  #bytes = 0;

  constructor(memory: MemoryBudget, place: OnePlace, group: string) {
    this.#memory = memory;
    this.#place = place;
    this.#group = group;
  }

  /** Takes more bytes, when the place is free. Throws `overloaded`. */
  take(bytes: number, reservation: Reservation): Promise<void> | undefined {
    if (this.#hasPlace) return this.#hold(bytes);
    const placed = this.#place.take(this.#group, reservation);
    if (placed === undefined) return this.#enter(bytes);
    return placed.then(() => this.#enter(bytes));
  }

  #enter(bytes: number): undefined {
    this.#hasPlace = true;
    return this.#hold(bytes);
  }

  #hold(bytes: number): undefined {
    if (!this.#memory.makeRoom(bytes)) throw overloaded();
    this.#memory.hold(bytes);
    this.#bytes += bytes;
  }

  /** Gives everything back. Idempotent. */
  release(): void {
    this.#memory.hold(-this.#bytes);
    this.#bytes = 0;
    if (this.#hasPlace) this.#place.leave();
    this.#hasPlace = false;
  }
}
