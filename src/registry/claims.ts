/**
 * Bounded lists. A list is one record of claims, so that its limit holds whatever is created at the same time, here
 * or on other nodes. A claim is made before its thing is written, confirmed when the thing exists, and dropped when
 * it is gone. When the list is full, claims that a crash left are cleared.
 */
import type { Clock, Store } from "../ports.ts";
import { updateRecord } from "./update.ts";

/** A confirmed claim, by the id of its thing, or one that was made at `atMs`. */
type Claim = string | { readonly id: string; readonly atMs: number };

/** A claim of this age that was not confirmed is left from a crash. */
const claimMsMax = 60_000;

/** A list that is really full is not checked again for this long, however many ask. */
const fullMs = 1_000;
/** Lists for which this is remembered. */
const fullListsMax = 1_000;

const idOf = (claim: Claim): string => (typeof claim === "string" ? claim : claim.id);

type ClaimsOptions = {
  readonly store: Store;
  readonly clock: Clock;
  readonly claimsMax: number;
  /** Those of `ids` whose things exist. */
  readonly present: (ids: readonly string[]) => Promise<ReadonlySet<string>>;
  /** The failure of a claim beyond the limit. */
  readonly full: () => Error;
};

/** Lists of one kind, by the keys of their records. */
export class Claims {
  readonly #options: ClaimsOptions;
  /** When each full list was last checked without finding room. */
  readonly #fullAtMs = new Map<string, number>();

  constructor(options: ClaimsOptions) {
    this.#options = options;
  }

  /** Ids of all claims; some may have no thing. */
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

  /** Call when the thing exists. False when the claim was cleared in the meantime: the thing must then be removed. */
  async confirm(list: string, id: string): Promise<boolean> {
    const claims = await updateRecord<readonly Claim[]>(this.#options.store, list, (found) =>
      found?.map((claim) => (idOf(claim) === id ? id : claim)),
    );
    return claims?.includes(id) ?? false;
  }

  /** Call when the thing is gone. No error if there is no such claim. */
  async drop(list: string, id: string): Promise<void> {
    await updateRecord<readonly Claim[]>(this.#options.store, list, (found = []) => {
      const left = found.filter((claim) => idOf(claim) !== id);
      return left.length === 0 ? undefined : left;
    });
  }

  // Recent claims stay, because their things are about to be written.
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
