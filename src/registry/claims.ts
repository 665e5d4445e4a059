/**
 * Places in a list of at most so many, kept in one record, so that a limit holds whatever is made at the same time,
 * here or on other nodes. A place is claimed before the thing that it is for is written, kept when that is there, and
 * given up after the thing is gone. What a crash left claimed is looked at when the list is full.
 */
import type { Clock, Store } from "../ports.ts";
import { updateRecord } from "./update.ts";

/** A place that is kept, by the id of its thing, or one that is claimed since `atMs`. */
type Place = string | { readonly id: string; readonly atMs: number };

/** Whoever claimed a place this long ago and did not keep it is not at work any more. */
const claimMsMax = 60_000;

const idOf = (place: Place): string => (typeof place === "string" ? place : place.id);

export type ClaimsOptions = {
  readonly store: Store;
  readonly clock: Clock;
  readonly placesMax: number;
  /** Which of these ids have their thing. */
  readonly present: (ids: readonly string[]) => Promise<ReadonlySet<string>>;
  /** The failure of one place too many. */
  readonly full: () => Error;
};

/** Lists of one kind, each by the key of its record. */
export class Claims {
  readonly #options: ClaimsOptions;

  constructor(options: ClaimsOptions) {
    this.#options = options;
  }

  /** Ids of all that is kept or claimed; not each has its thing. */
  async ids(list: string): Promise<readonly string[]> {
    return ((await this.#options.store.get<readonly Place[]>(list))?.value ?? []).map(idOf);
  }

  /** Claims a place for `id`. Throws `full` when none is free. */
  async claim(list: string, id: string): Promise<void> {
    const { store, clock, placesMax, full } = this.#options;
    await updateRecord<readonly Place[]>(store, list, async (found = []) => {
      const places = found.length < placesMax ? found : await this.#cleared(found);
      if (places.length >= placesMax) throw full();
      return [...places, { id, atMs: clock.nowMs() }];
    });
  }

  /** The thing is there. False when the claim was given up for dead: then the thing has to go. */
  async keep(list: string, id: string): Promise<boolean> {
    const places = await updateRecord<readonly Place[]>(this.#options.store, list, (found) =>
      found?.map((place) => (idOf(place) === id ? id : place)),
    );
    return places?.includes(id) ?? false;
  }

  /** The thing is gone. Fine when there is no such place. */
  async drop(list: string, id: string): Promise<void> {
    await updateRecord<readonly Place[]>(this.#options.store, list, (found = []) => {
      const left = found.filter((place) => idOf(place) !== id);
      return left.length === 0 ? undefined : left;
    });
  }

  // Claims of a moment ago stay: their things are about to be written.
  async #cleared(places: readonly Place[]): Promise<readonly Place[]> {
    const oldMs = this.#options.clock.nowMs() - claimMsMax;
    const present = await this.#options.present(places.map(idOf));
    return places.flatMap((place): Place[] => {
      if (present.has(idOf(place))) return [idOf(place)];
      return typeof place === "string" || place.atMs <= oldMs ? [] : [place];
    });
  }
}
