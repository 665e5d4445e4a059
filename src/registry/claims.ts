/**
 * Bounded lists. A list is one record of claims, so that its limit holds whatever is made at the same time, here or on
 * other nodes. A claim is made before the thing that it is for is written, kept once the thing is there, and dropped
 * after the thing is gone. Claims that a crash left are looked for when the list is full.
 */
import type { Clock, Store } from "../ports.ts";
import { updateRecord } from "./update.ts";

/** A claim that is kept, by the id of its thing, or one that was made at `atMs`. */
type Place = string | { readonly id: string; readonly atMs: number };

/** A claim that is this old and was not kept is a crash's remains. */
const claimMsMax = 60_000;

const idOf = (place: Place): string => (typeof place === "string" ? place : place.id);

export type ClaimsOptions = {
  readonly store: Store;
  readonly clock: Clock;
  readonly placesMax: number;
  /** The ids that have their thing. */
  readonly present: (ids: readonly string[]) => Promise<ReadonlySet<string>>;
  /** The failure of one claim too many. */
  readonly full: () => Error;
};

/** Lists of one kind, each by the key of its record. */
export class Claims {
  readonly #options: ClaimsOptions;

  constructor(options: ClaimsOptions) {
    this.#options = options;
  }

  /** Ids of all claims; not every one has its thing. */
  async ids(list: string): Promise<readonly string[]> {
    return ((await this.#options.store.get<readonly Place[]>(list))?.value ?? []).map(idOf);
  }

  /** Adds a claim for `id`. Throws `full` when the list has no room. */
  async claim(list: string, id: string): Promise<void> {
    const { store, clock, placesMax, full } = this.#options;
    await updateRecord<readonly Place[]>(store, list, async (found = []) => {
      const places = found.length < placesMax ? found : await this.#cleared(found);
      if (places.length >= placesMax) throw full();
      return [...places, { id, atMs: clock.nowMs() }];
    });
  }

  /** To be called when the thing is there. False when the claim was cleared meanwhile: then the thing has to go. */
  async keep(list: string, id: string): Promise<boolean> {
    const places = await updateRecord<readonly Place[]>(this.#options.store, list, (found) =>
      found?.map((place) => (idOf(place) === id ? id : place)),
    );
    return places?.includes(id) ?? false;
  }

  /** To be called when the thing is gone. Fine when there is no such claim. */
  async drop(list: string, id: string): Promise<void> {
    await updateRecord<readonly Place[]>(this.#options.store, list, (found = []) => {
      const left = found.filter((place) => idOf(place) !== id);
      return left.length === 0 ? undefined : left;
    });
  }

  // Young claims stay: their things are about to be written.
  async #cleared(places: readonly Place[]): Promise<readonly Place[]> {
    const oldMs = this.#options.clock.nowMs() - claimMsMax;
    const present = await this.#options.present(places.map(idOf));
    return places.flatMap((place): Place[] => {
      if (present.has(idOf(place))) return [idOf(place)];
      return typeof place === "string" || place.atMs <= oldMs ? [] : [place];
    });
  }
}
