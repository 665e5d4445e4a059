/**
 * Bounded lists. A list is one record of claims, so that its limit holds whatever is made at the same time, here or on
 * other nodes. A claim is made before the thing that it is for is written, kept once the thing is there, and dropped
 * after the thing is gone. Claims that a crash left are looked for when the list is full.
 */
import type { Clock, Store } from "../ports.ts";
import { updateRecord } from "./update.ts";

/** A claim that is kept, by the id of its thing, or one that was made at `atMs`. */
type Claim = string | { readonly id: string; readonly atMs: number };

/** A claim that is this old and was not kept is a crash's remains. */
const claimMsMax = 60_000;

/** A list that was found full of things that are there is not looked through again for so long, however many ask. */
const fullMs = 1_000;
/** Lists that this is remembered of. */
const fullListsMax = 1_000;

const idOf = (claim: Claim): string => (typeof claim === "string" ? claim : claim.id);

type ClaimsOptions = {
  readonly store: Store;
  readonly clock: Clock;
  readonly claimsMax: number;
  /** The ids that have their thing. */
  readonly present: (ids: readonly string[]) => Promise<ReadonlySet<string>>;
  /** The failure of one claim too many. */
  readonly full: () => Error;
};

/** Lists of one kind, each by the key of its record. */
export class Claims {
  readonly #options: ClaimsOptions;
  /** When each full list was looked through in vain. */
  readonly #fullAtMs = new Map<string, number>();

  constructor(options: ClaimsOptions) {
    this.#options = options;
  }

  /** Ids of all claims; not every one has its thing. */
  async ids(list: string): Promise<readonly string[]> {
    return ((await this.#options.store.get<readonly Claim[]>(list))?.value ?? []).map(idOf);
  }

  /** Adds a claim for `id`. Throws `full` when the list has no room. */
  async claim(list: string, id: string): Promise<void> {
    const { store, clock, claimsMax, full } = this.#options;
    await updateRecord<readonly Claim[]>(store, list, async (found = []) => {
      const claims = found.length < claimsMax ? found : await this.#cleared(list, found);
      if (claims.length >= claimsMax) throw full();
      return [...claims, { id, atMs: clock.nowMs() }];
    });
  }

  /** To be called when the thing is there. False when the claim was cleared meanwhile: then the thing has to go. */
  async keep(list: string, id: string): Promise<boolean> {
    const claims = await updateRecord<readonly Claim[]>(this.#options.store, list, (found) =>
      found?.map((claim) => (idOf(claim) === id ? id : claim)),
    );
    return claims?.includes(id) ?? false;
  }

  /** To be called when the thing is gone. Fine when there is no such claim. */
  async drop(list: string, id: string): Promise<void> {
    await updateRecord<readonly Claim[]>(this.#options.store, list, (found = []) => {
      const left = found.filter((claim) => idOf(claim) !== id);
      return left.length === 0 ? undefined : left;
    });
  }

  // Young claims stay: their things are about to be written.
  async #cleared(list: string, claims: readonly Claim[]): Promise<readonly Claim[]> {
    const nowMs = this.#options.clock.nowMs();
    const fullAtMs = this.#fullAtMs.get(list);
    if (fullAtMs !== undefined && Math.abs(nowMs - fullAtMs) < fullMs) return claims;
    const oldMs = nowMs - claimMsMax;
    const present = await this.#options.present(claims.map(idOf));
    const left = claims.flatMap((claim): Claim[] => {
      if (present.has(idOf(claim))) return [idOf(claim)];
      return typeof claim === "string" || claim.atMs <= oldMs ? [] : [claim];
    });
    if (left.length < claims.length) this.#fullAtMs.delete(list);
    else {
      if (this.#fullAtMs.size >= fullListsMax) this.#fullAtMs.clear();
      this.#fullAtMs.set(list, nowMs);
    }
    return left;
  }
}
